"""What is asked of a run but cannot act in it is shown on the sampler's node."""

import controls
import pytest
import tiny
import torch
from compare import assert_alike

from kinema.motion.load import load_motion_model
from kinema.sampling.curves.curve import Blocks, Combined, Constant, OverBlocks
from kinema.sampling.curves.curve_keys import Key, OverFrames, OverRun
from kinema.sampling.curves.curve_text import read_blocks
from kinema.sampling.guidance.animation_guidance import Guidance
from kinema.sampling.latents.inject_image import Injection
from kinema.sampling.latents.on_canvas import OnCanvas
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.animation_noise import lay
from kinema.sampling.noise.noise_layers import NoiseLayer
from kinema.sampling.noise.noise_pattern import NoisePattern
from kinema.sampling.noise.refine_noise import NoiseRefinement
from kinema.sampling.run.attach import added, attach, changed, refer_windows
from kinema.sampling.run.on_node import RunWords
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


@pytest.fixture(scope="module")
def small():
    return tiny.image_model("small")


def inject(model, percent):
    return added(model, injections=Injection(OnCanvas(torch.zeros(1, 4, 8, 8)), None, percent))


def noise(kind):
    return lay(NoiseLayer(NoisePattern(kind, length=4, overlap=1)), None)


CASES = {  # what is asked of the model, over how many frames, and what is said
    "FreeNoise in one window": (
        lambda m: added(m, windows=FREE),
        4,
        "FreeNoise has no effect: the 4 frames of the video fit into one window",
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
        "6 frames in 3 motion windows of 3 frames.",
    ),
    "global attention": (
        lambda m: changed(m, motion_windows=MotionWindows(4, 1, global_attention=0.25)),
        4,
        "global_attention of Motion Windows has no effect: the video of 4 frames fits into one motion window of 4 frames.",
    ),
    "global attention in windows": (
        lambda m: added(changed(m, motion_windows=MotionWindows(5, 1, global_attention=0.25)), windows=FREE),
        6,
        "6 frames in 2 windows of 4. global_attention of Motion Windows has no effect: each context window of 4 frames",
    ),
    "global attention that acts": (
        lambda m: changed(m, motion_windows=MotionWindows(3, 1, global_attention=0.25)),
        5,
        "5 frames in 2 motion windows of 3 frames.",
    ),
    "injection": (lambda m: inject(m, 0.5), 2, ""),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_act_is_said(case, small, screen):
    ask, frames, said = CASES[case]
    tiny.sample(ask(small), frames, cfg=1.0)
    assert screen.text.startswith(said) if said else screen.text == ""


def test_an_injection_before_the_run_is_said(small, screen):
    tiny.sample(inject(small, 0.1), 2, denoise=0.5, cfg=1.0)
    assert screen.text == "Inject Image has no effect: this run does not pass the point at 10% of the noise schedule."


def test_frames_steps_and_prompts_that_a_run_does_not_reach(model, motion, screen):
    animated = attach(model, motion, Applied(strength=LATE, attention=STEP))
    tokens, extra = tiny.conditioning(3)[0]
    tiny.sample(animated, 4, positive=[[tokens.expand(6, -1, -1), extra]])
    assert screen.text == (
        "The value of a curve at frame 9 is not reached: the last frame is 3. The value of a curve at step 5 is not "
        "reached: the last step is 1. The prompts of Prompt Travel are made for 6 frames, but the video has 4: the "
        "prompts for later frames are not used."
    )


def test_controls_with_other_numbers_of_pictures_are_said(model, screen):
    few = "the pictures are repeated for the remaining frames"
    many = "surplus pictures are not used"
    for count, windows, said in ((2, (), few), (9, (), many)):
        control = controls.control_net().set_cond_hint(controls.hints(count))
        tiny.sample(changed(model, windows=windows), 6, positive=controls.controlled(control), size=4)
        assert screen.text == f"A ControlNet has {count} pictures for 6 frames: {said}."
    control = controls.control_net().set_cond_hint(controls.hints(2))
    tiny.sample(
        added(model, windows=ContextWindows(WindowSpec(4, 1))), 6, positive=controls.controlled(control), size=4
    )
    assert screen.text == (
        "6 frames in 2 windows of 4. A ControlNet has 2 pictures for 6 frames: the last picture is repeated for the "
        "remaining frames."
    )


def test_masks_of_another_number_are_said_and_act_as_in_windows(small, screen):
    """Without windows, the host failed where there are fewer."""
    masks = torch.rand(6, 8, 8, generator=tiny.generator(1))

    def sampled(model, count):
        masked = [tiny.conditioning(3)[0][0], {"mask": masks[:count], "mask_strength": 1.0}]
        return tiny.sample(model, 4, steps=1, positive=[masked, *tiny.conditioning(8)])

    nodes = changed(small, preview_plays=True)
    for count, said in ((3, "the masks are repeated from the first"), (6, "surplus masks are not used")):
        whole = sampled(nodes, count)
        assert screen.text == f"A prompt has {count} masks for 4 frames: {said}."
        assert_alike(sampled(added(small, windows=ContextWindows(WindowSpec(2, 1))), count), whole)


def test_noise_that_a_sampler_does_not_add_is_said(small, screen):
    start = NoiseLayer(NoisePattern("constant"))
    both = changed(small, noise=lay(start, None, authors_start=True), refinement=NoiseRefinement())
    latent = tiny.latents(2)
    tiny.sample(both, 2, cfg=1.0, steps=1, noise=torch.zeros(2, 4, 8, 8), latent=latent)
    assert screen.text == (
        "The initial noise of Animation Noise has no effect: this sampler adds no noise. Refine Noise has no effect: this "
        "sampler adds no noise."
    )
    tiny.sample(both, 2, cfg=1.0, sigmas=torch.tensor([0.5, 7.0]), latent=latent)
    assert screen.text == (
        "authors_start of Animation Noise has no effect: it is for an empty latent, but this one is not empty. Refine Noise "
        "has no effect: the noise level of this run goes from 0.50 to 7.00 and does not fall."
    )


def test_values_for_blocks_that_are_not_there_are_said(model, motion, screen):
    """The motion model has no motion module in the mid block; a strength is the same for both attentions."""
    curve = read_blocks("mid: 0.5, up 7: 0.5, up 1.2: 0, attn2: 0.5")
    both = Combined("multiply", OverBlocks(((Blocks("mid"), Constant(1.0)), *curve.rules)), LATE)
    tiny.sample(attach(model, motion, Applied(attention=both)), 10)
    nowhere = (
        'The value of a curve for "mid" has no effect: AnimateDiff v3 has no motion module there. '
        'The value of a curve for "up 7" has no effect: AnimateDiff v3 has no motion module there.'
    )
    assert screen.text == nowhere
    tiny.sample(attach(model, motion, Applied(strength=curve)), 4)
    assert screen.text == (
        f'{nowhere} The value of a curve for "attn2" has no effect on strength, which is the same for all attentions of a '
        "motion module."
    )


def test_steps_cfg_and_sizes_that_do_not_suit_are_said(model, screen, tmp_path, monkeypatch):
    file = tiny.save(tiny.motion_weights(mid=True), tmp_path / "animatediff_lightning_4step_comfyui.safetensors")
    fast = attach(model, load_motion_model(file), Applied())
    tiny.sample(fast, 2, steps=4, cfg=1.0)
    assert screen.text == ""
    monkeypatch.setattr(type(model.model.model_config), "picture_side", 16, raising=False)
    tiny.sample(fast, 2, steps=9, cfg=7.0)
    assert screen.text == (
        "cfg is 7, but AnimateDiff-Lightning is made for cfg 1. The sampler has 9 steps, but AnimateDiff-Lightning is made "
        "for 4. The pictures have 64 x 64 pixels, but the model is made for about 16 x 16."
    )
    guided = changed(fast, guidance=Guidance(cfg=7.0))
    tiny.sample(guided, 2, size=2, steps=4, cfg=1.0)
    assert screen.text == "cfg is 7, but AnimateDiff-Lightning is made for cfg 1."


def test_a_size_that_does_not_suit_a_base_model_is_said(model, screen, motion, monkeypatch, caplog):
    animated = attach(model, motion, Applied())
    monkeypatch.setitem(model.model.model_config.unet_config, "model_channels", 320)
    tiny.sample(animated, 2)
    assert screen.text == "The pictures have 64 x 64 pixels, but the model is made for about 512 x 512."
    assert "picture_side" not in caplog.text


def test_how_far_a_step_is_goes_when_the_run_is_over():
    shown = []
    words = RunWords(shown.append, ["20 frames in 2 windows of 16."])
    words.windows_done(1, 2)
    words.windows_done(2, 2)  # too early to be read
    words.finish()
    whole = "20 frames in 2 windows of 16."
    assert shown == [whole, f"{whole} This step: 1 of 2 windows done.", whole]
