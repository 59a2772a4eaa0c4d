"""Every node that says how much, where and from which noise: beside hooks and ControlNets, and after a run that ends early."""

import comfy.hooks
import comfy.model_management
import pytest
import tiny
import torch
from compare import assert_other
from controls import control_net, controlled, hints
from watching import Stop, assert_untouched, snapshot

from kinema.motion.load import load_motion_model
from kinema.sampling.curves.curve import Combined, OverPicture
from kinema.sampling.curves.curve_keys import OverFrames, OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.guidance.animation_guidance import Guidance
from kinema.sampling.guidance.motion_guidance import SKIPS, MotionGuidance
from kinema.sampling.latents.inject_image import Injection
from kinema.sampling.latents.on_canvas import OnCanvas
from kinema.sampling.modules.applied import Applied
from kinema.sampling.modules.enhance_motion import Enhance
from kinema.sampling.noise.animation_noise import lay
from kinema.sampling.noise.frequency import LowPass
from kinema.sampling.noise.noise_layers import NoiseLayer
from kinema.sampling.noise.noise_pattern import NoisePattern
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.noise.refine_noise import NoiseRefinement
from kinema.sampling.run.attach import added, attach, changed, refer_windows
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.window_reference import WindowReference

FRAMES = 5
SIZE = 4
CURVE = Combined("multiply", OverFrames(read_keys("0: 0.5, -1: 1")), OverRun(read_keys("0%: 1, 100%: 0.5")))
REFINED = NoiseRefinement("FreqPrior", 2, LowPass("gaussian"))


def noisy(model):
    return changed(model, noise=lay(NoiseLayer(NoisePattern("repeated", 0.5, 4, 1)), None))


def injected(model):
    return added(model, injections=Injection(OnCanvas(torch.full((1, 4, SIZE, SIZE), 3.0)), None, 0.5, CURVE, 1))


def referring(model):
    return refer_windows(refer_windows(model, WindowReference("attend", CURVE)), WindowReference("reuse", 0.3))


def guided(model):
    return changed(
        changed(
            changed(model, guidance=Guidance(3.0, CURVE, CURVE)),
            motion_guidance=MotionGuidance(CURVE, SKIPS["up"].kept),
        ),
        enhance=Enhance(CURVE),
    )


NODES = {
    "noise": noisy,
    "refine": lambda model: changed(model, refinement=REFINED),
    "inject": injected,
    "reference": referring,
    "guidance": guided,
}


@pytest.fixture(scope="module")
def model():
    """MODEL of SD1.5, tiny."""
    return tiny.image_model()


@pytest.fixture(scope="module")
def animated(model, tmp_path_factory):
    """With curves over frames, steps and the picture, in windows."""
    file = tiny.save(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("m") / "v3_mm.safetensors")
    mask = OverPicture(torch.linspace(0, 1, 8).expand(1, 8, 8))
    how = Applied(Combined("multiply", CURVE, mask), attention=CURVE)
    return added(attach(model, load_motion_model(file), how, KEEP), windows=ContextWindows(WindowSpec(3, 1)))


def sample(model, **more):
    return tiny.sample(model, FRAMES, size=SIZE, **more)


@pytest.fixture(scope="module")
def control():
    """A prompt with a ControlNet whose hints differ from frame to frame."""
    return controlled(control_net().set_cond_hint(hints(FRAMES), 1.0, (0.0, 1.0)))


@pytest.fixture(scope="module")
def hooked(model):
    """A regional prompt with a LoRA in its hooks."""
    hooks = comfy.hooks.create_hook_lora(lora=tiny.lora(model), strength_model=1.0, strength_clip=0.0)
    words = tiny.conditioning(6)[0][0]
    return comfy.hooks.set_hooks_for_conditioning([[words, {"area": (4, 2, 0, 2)}]], hooks)


@pytest.fixture(scope="module")
def without(animated, control, hooked):
    """What hooks and ControlNet give without any of the nodes."""
    return sample(animated, positive=[*control, *hooked], sampler="euler_ancestral")


@pytest.mark.parametrize("name", NODES)
def test_beside_hooks_and_controls_each_has_its_effect(animated, control, hooked, without, name):
    node, sampler = NODES[name](animated), "euler_ancestral"
    both = sample(node, positive=[*control, *hooked], sampler=sampler)
    assert_other(both, without)
    assert_other(both, sample(node, positive=control, sampler=sampler))
    assert_other(both, sample(node, positive=[*tiny.conditioning(3), *hooked], sampler=sampler))


def test_a_run_with_all_that_ends_early_leaves_nothing(model, animated):
    """By an exception and by an interrupt."""
    before, plain, node = snapshot(model), tiny.sample(model), animated
    for add in NODES.values():
        node = add(node)
    whole = sample(node)

    def fail(*_):
        raise Stop

    def interrupt(*_):
        comfy.model_management.interrupt_current_processing()

    for callback, expected in ((fail, Stop), (interrupt, comfy.model_management.InterruptProcessingException)):
        with pytest.raises(expected):
            sample(node, callback=callback)
            comfy.model_management.throw_exception_if_processing_interrupted()
        assert torch.equal(tiny.sample(model), plain)
        assert_untouched(model, before)
    assert torch.equal(sample(node), whole)
