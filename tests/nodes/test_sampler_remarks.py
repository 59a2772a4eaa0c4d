"""What is asked of a run but cannot act in it is shown on the sampler's node."""

import pytest
import tiny
import torch

from kinema.motion.load import load_motion_model
from kinema.sampling.curves.curve_keys import Key, OverFrames, OverRun
from kinema.sampling.latents.inject_image import Injection
from kinema.sampling.latents.on_canvas import OnCanvas
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.animation_noise import lay
from kinema.sampling.noise.noise_layers import NoiseLayer
from kinema.sampling.noise.noise_pattern import NoisePattern
from kinema.sampling.run.attach import added, attach, changed, refer_windows
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.motion_windows import MotionWindows
from kinema.sampling.windows.window_reference import WindowReference

FREE = ContextWindows(WindowSpec(4, 1), freenoise=True)
LATE = OverFrames((Key(0, False, 1.0), Key(9, False, 0.5)))
STEP = OverRun((Key(0, False, 1.0), Key(5, False, 0.5)))


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    return load_motion_model(tiny.save(tiny.motion_weights(), tmp_path_factory.mktemp("motion") / "v3.safetensors"))


@pytest.fixture(scope="module")
def model():
    return tiny.image_model()


def inject(model, percent):
    return added(model, injections=Injection(OnCanvas(torch.zeros(1, 4, 8, 8)), None, percent))


def noise(kind):
    return lay(NoiseLayer(NoisePattern(kind, length=4, overlap=1)), None)


CASES = {  # what is asked of the model, over how many frames, and what is said
    "FreeNoise in one window": (
        lambda m: added(m, windows=FREE),
        4,
        "FreeNoise has no effect: the video has 4 frames,",
    ),
    "FreeNoise in two": (lambda m: added(m, windows=FREE), 6, "6 frames in 2 windows of 4."),
    "noise type": (lambda m: changed(m, noise=noise("FreeNoise")), 4, "The noise type FreeNoise has no effect: the"),
    "repeated": (lambda m: changed(m, noise=noise("repeated")), 3, "The noise type repeated has no effect: the video"),
    "noise that acts": (lambda m: changed(m, noise=noise("repeated")), 6, ""),
    "no windows": (lambda m: refer_windows(m, WindowReference("attend", 1.0)), 4, "Window Reference has no effect:"),
    "loop in windows": (
        lambda m: added(changed(m, motion_windows=MotionWindows(3, 1, closed_loop=True)), windows=FREE),
        6,
        "6 frames in 2 windows of 4. closed_loop of Motion Windows has no effect:",
    ),
    "loop": (
        lambda m: changed(m, motion_windows=MotionWindows(3, 1, closed_loop=True)),
        6,
        "6 frames in 3 motion windows of 3.",
    ),
    "injection": (lambda m: inject(m, 0.5), 2, ""),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_act_is_said(case, model, screen):
    ask, frames, said = CASES[case]
    tiny.sample(ask(model), frames)
    assert screen.text.startswith(said) if said else screen.text == ""


def test_an_injection_before_the_run_is_said(model, screen):
    tiny.sample(inject(model, 0.1), 2, denoise=0.5)
    assert screen.text == "Inject Image does not act: this run does not pass 10% of the noise schedule."


def test_frames_steps_and_prompts_that_a_run_does_not_reach(model, motion, screen):
    animated = attach(model, motion, Applied(strength=LATE, attention=STEP))
    tokens, extra = tiny.conditioning(3)[0]
    tiny.sample(animated, 4, positive=[[tokens.expand(6, -1, -1), extra]])
    assert screen.text == (
        "The value of a curve at frame 9 is not reached: the last frame is 3. The value of a curve at step 5 is not "
        "reached: the last step is 1. The prompts of Prompt Travel are made for 6 frames, and the video has 4: the first "
        "4 are used."
    )
