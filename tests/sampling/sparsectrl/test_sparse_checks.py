"""What cannot work is said in a sentence; a run that ends early leaves nothing; a second device has a copy of its own."""

import comfy.controlnet
import comfy.model_management
import comfy.model_patcher
import comfy.patcher_extension
import controls
import exact
import pytest
import sparse
import tiny
import torch
from compare import assert_alike
from watching import Stop, assert_untouched, snapshot

from kinema.sampling.curves.curve import Blocks, Constant, OverBlocks
from kinema.sampling.curves.curve_keys import Key, OverFrames
from kinema.sampling.sparsectrl.condition import Preparing
from kinema.sampling.sparsectrl.sparse_model import load_sparsectrl

SECOND = torch.device("cpu", 0)


def sample(model, control, frames=4, **more):
    return tiny.sample(model, frames, positive=controls.controlled(control), size=4, **{"steps": 1, **more})


def sketches(count=1, size=32):
    return (torch.rand(count, 3, size, size, generator=tiny.generator(1)) > 0.7).float()


def test_photographs_without_a_vae(rgb):
    with pytest.raises(
        ValueError, match='"rgb.safetensors" needs its images encoded as latents, but no VAE is connected. Use Apply'
    ):
        sparse.applied(rgb, sketches())


def test_a_vae_of_another_model(model, rgb):
    message = r"takes latents of shape \[4, 4, 4\], but the VAE makes latents of shape \[16, 4, 4\]. Connect"
    with pytest.raises(ValueError, match=message):
        sample(model, sparse.applied(rgb, sketches(), vae=sparse.vae(16)))


def test_another_base(scribble):
    with pytest.raises(
        ValueError, match='"scribble.safetensors" is a ControlNet for SD1.5, but the connected MODEL is SDXL'
    ):
        sample(tiny.image_model("sdxl"), sparse.applied(scribble, sketches()))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            {"widths": (64, 64, 64, 64)},
            r'at "down_blocks.0.motion_modules.0" it has 64 channels, but the UNet has 32. Pick the',
        ),
        ({"context": 48}, "takes prompt embeddings with 48 channels, but those of the connected MODEL have 32. Pick"),
    ],
)
def test_another_width(model, shape, message, tmp_path):
    other = load_sparsectrl(tiny.save(sparse.weights("scribble", **shape), tmp_path / "s.safetensors"))
    with pytest.raises(ValueError, match=message):
        sample(model, sparse.applied(other, sketches()))


def test_one_frame_with_motion(model, scribble):
    message = 'The motion modules in "scribble.safetensors" need 2 frames or more, but only 1 frame is sampled.'
    with pytest.raises(ValueError, match=message):
        sample(model, sparse.applied(scribble, sketches()), 1)


def test_more_frames_than_positions(model, scribble):
    message = (
        '"scribble.safetensors" has 32 positional encodings, but 33 frames are sampled at once. Use 32 frames or fewer'
    )
    with pytest.raises(ValueError, match=message):
        sample(model, sparse.applied(scribble, sketches()), 33)
    sample(model, sparse.applied(scribble, sketches(), motion=0), 33)


def test_frames_outside_the_video_also_before_its_range(model, scribble):
    late = sparse.applied(scribble, sketches(), 1.0, (0.9, 1.0), frames="7")
    with pytest.raises(
        ValueError, match="SparseCtrl has a picture at frame 7, but the video has 4 frames. Use frames 0 to 3"
    ):
        sample(model, late)


def test_the_number_of_pictures(model, scribble):
    with pytest.raises(ValueError, match="SparseCtrl has 3 pictures, but frames of Load SparseCtrl selects 2"):
        sparse.applied(scribble, sketches(3), frames="0, -1")
    with pytest.raises(ValueError, match="SparseCtrl has 3 pictures, but frames of Load SparseCtrl selects 2"):
        sample(model, sparse.applied(scribble, sketches(3), frames="every 2"))


@pytest.mark.parametrize("frames", ["0", "every 2", "spread", "end"])
def test_no_picture(scribble, frames):
    message = '"scribble.safetensors" got 0 pictures, but needs 1 or more. Connect pictures to Apply ControlNet.'
    with pytest.raises(ValueError, match=message):
        sparse.applied(scribble, torch.zeros(0, 3, 32, 32), frames=frames)


def test_grey_pictures_and_those_with_alpha_are_as_others():
    grey = sketches()[:, :1]
    prepared = [
        Preparing("scribble", None, pytest.fail).prepare(pictures, (4, 4))
        for pictures in (grey.expand(-1, 3, -1, -1), grey, torch.cat([grey, grey * 0], 1), grey.expand(-1, 4, -1, -1))
    ]
    assert all(torch.equal(each, prepared[0]) for each in prepared)


def test_what_a_run_does_not_reach_is_said(animated, scribble, screen):
    late = OverFrames((Key(0, False, 1.0), Key(9, False, 0.5)))
    sample(animated, sparse.applied(scribble, sketches(5), frames="spread", strength=late))
    assert screen.text.endswith(
        "The value of a curve at frame 9 is not reached: the last frame is 3. SparseCtrl has 5 pictures; only the first 4 "
        "are used, one for each frame."
    )


def test_a_strength_over_blocks(model, scribble):
    control = sparse.applied(scribble, sketches(), strength=OverBlocks(((Blocks("down"), Constant(0.5)),)))
    with pytest.raises(
        ValueError, match="A curve over blocks is connected to an input that has one value for the whole UNet"
    ):
        sample(model, control)
    sample(model, sparse.applied(scribble, sketches(), motion=control.how.strength))


def test_dark_lines_on_white_are_said(scribble, rgb, vae):
    told = []
    sparse.applied(scribble, sketches(), tell=told.append)
    sparse.applied(rgb, torch.ones(1, 3, 32, 32), vae=vae, tell=told.append)
    assert told == []
    sparse.applied(scribble, torch.full((1, 3, 32, 32), 0.9), tell=told.append)
    assert told == [
        '"scribble.safetensors" was trained with white lines on black, but these pictures are bright (mean 0.90). If the '
        "lines are dark, put Invert Image before Apply ControlNet."
    ]


def test_a_run_that_ends_early_leaves_nothing(model, scribble):
    control = sparse.applied(scribble, sketches())
    whole, before = sample(model, control), snapshot(model)

    def stop(*_):
        raise Stop

    def interrupt(*_):
        comfy.model_management.interrupt_current_processing()

    for callback, expected in ((stop, Stop), (interrupt, comfy.model_management.InterruptProcessingException)):
        with pytest.raises(expected):
            sample(model, control, steps=2, callback=callback)
            comfy.model_management.throw_exception_if_processing_interrupted()
        assert_untouched(model, before)
        assert not any(layer._forward_hooks for layer in scribble.network.model.modules())
    assert torch.equal(sample(model, control), whole)


def test_an_error_inside_leaves_no_hooks(model, scribble):
    control = sparse.applied(scribble, sketches())
    network = scribble.network.model

    def fail(*_):
        raise Stop

    handle = network.middle_block.register_forward_pre_hook(fail)
    with pytest.raises(Stop):
        sample(model, control)
    handle.remove()
    assert not any(layer._forward_hooks for layer in network.modules())


@pytest.mark.skipif(
    not hasattr(comfy.model_patcher.ModelPatcher, "deepclone_multigpu"), reason="this host knows one GPU"
)
def test_two_devices(scribble):
    """What the MultiGPU node makes of a MODEL: the second device is the CPU under its other name."""
    model = exact.image_model()
    model.cached_patcher_init = (exact.image_model, ())
    first = sparse.applied(scribble, sketches(), frames="0")
    control = sparse.applied(scribble, sketches(), 0.5, frames="-1", motion=0)
    control.set_previous_controlnet(first)
    expected = sample(model, control)
    both = model.clone()
    copy = model.deepclone_multigpu(new_load_device=SECOND)
    copy.is_multigpu_base_clone = True
    both.set_additional_models("multigpu", [copy])
    both.match_multigpu_clones()
    assert_alike(sample(both, control), expected)
    clone = control.multigpu_clones[SECOND]
    assert clone.control_model is not control.control_model and clone.model.motion.model is not scribble.motion.model
    assert clone.model.motion.load_device == SECOND == clone.load_device
    assert {patcher.load_device for patcher in clone.get_models()} == {SECOND}
