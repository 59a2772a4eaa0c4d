"""What both motion models for pictures share in a run: encoding, messages, what is left behind."""

import comfy.model_management
import comfy.patcher_extension
import exact
import families
import pytest
import tiny
import torch
from compare import assert_alike, assert_other
from pictured import Counting, animated, photo
from watching import Stop, assert_untouched, snapshot

from kinema.motion.load import load_motion_model
from kinema.motion.lora import load_motion_lora
from kinema.motion.merge import merge_motion_models
from kinema.sampling.curves.curve import Blocks, Constant, OverBlocks
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.frequency import LowPass
from kinema.sampling.noise.refine_noise import NoiseRefinement
from kinema.sampling.pictures.animated_picture import AnimatedPicture, animating
from kinema.sampling.pictures.encoding import encoded_pictures
from kinema.sampling.run.animation import animation_of
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.motion_windows import MotionWindows

KINDS = ("pia", "i2v")


@pytest.fixture(params=KINDS)
def motion(request):
    return request.getfixturevalue(request.param)


def sample(model, frames=4, **more):
    """One step of a small video."""
    return tiny.sample(model, frames, **{"steps": 1, "size": 4, "cfg": 1.0, **more})


def test_a_picture_is_encoded_once_before_the_models_are_loaded(model, motion, vae):
    order = []
    counting = Counting(vae, lambda: order.append("encoded"))
    pictured = attach(model, animating(motion, animated(counting)), Applied())
    pictured = changed(pictured, refinement=NoiseRefinement("FreeInit", 2, LowPass("gaussian", 0.5, 0.5)))
    pictured = added(pictured, windows=ContextWindows(WindowSpec(4, 1)))

    def prepare(executor, *args, **kwargs):
        order.append("loaded")
        return executor(*args, **kwargs)

    pictured.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.PREPARE_SAMPLING, "test", prepare)
    sample(pictured, 7, steps=2)
    assert order == ["encoded", "loaded"] and counting.encoded == [1]
    sample(pictured, 7, steps=2)
    assert counting.encoded == [1, 1]
    picture = animation_of(pictured.model_options).motions[0].picture
    assert picture.latents is None  # what a run makes stays in it


def test_pictures_of_another_shape_are_cut_to_the_centre(model, motion, vae):
    """And resized smoothly: one twice as large gives nearly the same."""
    square = photo(2)
    wide = torch.cat([torch.zeros(1, 64, 16, 3), square, torch.ones(1, 64, 16, 3)], 2)
    large = torch.nn.functional.interpolate(square.movedim(-1, 1), (128, 128), mode="bilinear").movedim(1, -1)
    results = [
        sample(attach(model, animating(motion, AnimatedPicture(pictures, vae)), Applied()), size=8)
        for pictures in (square, wide, torch.cat([square, torch.ones(1, 64, 64, 1)], -1), large)
    ]
    assert_alike(results[1], results[0])
    assert_alike(results[2], results[0])
    assert_alike(results[3], results[0], within=0.1)


def test_a_second_picture_replaces_the_first_and_nothing_is_changed(model, motion, vae):
    first = animating(motion, animated(vae, seed=1))
    second = animating(first, animated(vae, seed=2))
    again = animating(motion, animated(vae, seed=2))
    results = [sample(attach(model, one, Applied())) for one in (first, second, again, motion)]
    assert torch.equal(results[1], results[2])
    assert_other(results[0], results[1], by=1e-3)
    assert_other(results[0], results[3], by=1e-3)


def test_a_motion_lora_after_it_keeps_the_picture(model, motion, vae, tmp_path):
    picture = animating(motion, animated(vae))
    lora = load_motion_lora(picture, tiny.save(tiny.motion_lora(mid=False), tmp_path / "zoom.safetensors"), 0.5)
    turned = load_motion_lora(motion, tmp_path / "zoom.safetensors", 0.5)
    turned = animating(turned, animated(vae))
    assert torch.equal(*(sample(attach(model, one, Applied())) for one in (lora, turned)))


def test_two_motion_models_each_with_its_own_picture(model, pia, i2v, vae):
    first, second = animating(pia, animated(vae, seed=1)), animating(i2v, animated(vae, seed=2))
    both = sample(attach(attach(model, first, Applied()), second, Applied()))
    one = sample(attach(attach(model, first, Applied()), i2v, Applied()))
    other = sample(attach(attach(model, pia, Applied()), second, Applied()))
    assert_other(both, one, by=1e-3)
    assert_other(both, other, by=1e-3)


def test_windows_at_once_do_not_matter(model, motion, vae):
    pictured = attach(model, animating(motion, animated(vae)), Applied())
    results = [
        sample(added(pictured, windows=ContextWindows(WindowSpec(4, 1), at_once=count)), 10, cfg=4.0)
        for count in (1, 2, 3)
    ]
    assert_alike(results[1], results[0])
    assert_alike(results[2], results[0])


def test_motion_windows_and_loops(model, motion, vae):
    pictured = attach(model, animating(motion, animated(vae, motion="large loop")), Applied())
    looped = added(pictured, windows=ContextWindows(WindowSpec(4, 1, "looped", closed_loop=True)))
    inside = changed(pictured, motion_windows=MotionWindows(4, 1))
    assert torch.isfinite(sample(looped, 10)).all() and torch.isfinite(sample(inside, 10)).all()


def test_nothing_is_left_behind(model, motion, vae):
    plain = sample(model)
    before = snapshot(model)
    pictured = attach(model, animating(motion, animated(vae)), Applied())

    def stop(*_):
        raise Stop

    with pytest.raises(Stop):
        sample(pictured, callback=stop)
    assert torch.equal(sample(model), plain)
    assert_untouched(model, before)
    sample(pictured)
    assert torch.equal(sample(model), plain)
    assert_untouched(model, before)


# What cannot work


def test_a_motion_model_that_takes_no_picture_names_the_node_that_does(vae, tmp_path):
    v3 = load_motion_model(tiny.save(tiny.motion_weights(), tmp_path / "v3_sd15_mm.safetensors"))
    with pytest.raises(
        ValueError, match='"v3_sd15_mm.safetensors" is AnimateDiff v3 and has no picture input. Use .* Load SparseCtrl'
    ):
        animating(v3, animated(vae))


def test_a_frame_outside_of_the_video(model, pia, vae):
    for frame, frames in ((16, 4), (-5, 4)):
        pictured = attach(model, animating(pia, animated(vae, frame=frame)), Applied())
        said = f"puts the picture at frame {frame}, but the video has 4 frames. Set frame to a number from -4 to 3."
        with pytest.raises(ValueError, match=said):
            sample(pictured, frames)


def test_more_pictures_than_frames(model, pia, i2v, vae, screen):
    pictured = attach(model, animating(pia, animated(vae, count=5)), Applied())
    with pytest.raises(ValueError, match="has 5 pictures, but the video has 4 frames. Connect 4 pictures or fewer"):
        sample(pictured, 4)
    sample(attach(model, animating(i2v, animated(vae, count=5)), Applied()), 4)
    assert "Animate Picture has 5 pictures; only the first 4 are used, one for each frame." in screen.text


def test_no_picture(motion, vae):
    with pytest.raises(ValueError, match="Animate Picture got 0 pictures, but needs 1 or more. Connect a picture"):
        animating(motion, animated(vae, count=0))


def test_grey_pictures_are_as_those_in_colour(vae):
    grey = photo(height=40)[..., :1]
    latents = [encoded_pictures(each, vae, (4, 4), "") for each in (grey, grey.expand(-1, -1, -1, 3))]
    assert torch.equal(*latents)


def test_the_vae_of_another_model(model, motion, vae):
    class Other(Counting):
        latent_channels = 16

    pictured = attach(model, animating(motion, animated(Other(vae))), Applied())
    with pytest.raises(
        ValueError, match="a VAE whose latents have 16 channels, but the motion model needs 4. Connect the"
    ):
        sample(pictured)


def test_a_curve_over_blocks_for_a_picture_that_enters_in_one_place(pia, i2v, vae):
    curve = OverBlocks(((Blocks("down"), Constant(0.5)),))
    for more in ({"strength": curve}, {"affinity": curve}):
        with pytest.raises(
            ValueError, match="A curve over blocks is connected to Animate Picture, but PIA takes the picture"
        ):
            animating(pia, animated(vae, **more))
    animating(i2v, animated(vae, strength=curve))


def test_another_base_is_named(motion, vae):
    sdxl = exact.image_model("sdxl")
    with pytest.raises(ValueError, match="is an SD1.5 motion model, but the connected MODEL is SDXL. Use an SD1.5"):
        attach(sdxl, animating(motion, animated(vae)), Applied())


def test_merging_keeps_the_first_ones_picture_and_refuses_to_lose_the_seconds(model, vae, pia, tmp_path):
    v3 = load_motion_model(tiny.save(tiny.motion_weights(seed=4), tmp_path / "v3.safetensors"))
    v3.model.double()
    pictured = animating(pia, animated(vae))
    merged = merge_motion_models(pictured, v3, 0.5, 0.5, 0.5)
    again = animating(merge_motion_models(pia, v3, 0.5, 0.5, 0.5), animated(vae))
    assert torch.equal(*(sample(attach(model, one, Applied())) for one in (merged, again)))
    with pytest.raises(
        ValueError, match='"pia.safetensors" has a picture, but a merge takes .* Put Animate Picture after'
    ):
        merge_motion_models(v3, pictured, 0.5, 0.5, 0.5)


def test_a_pia_file_for_which_another_kind_is_set_takes_no_picture(vae, tmp_path):
    v3 = load_motion_model(tiny.save(families.pia(), tmp_path / "pia.safetensors"), "v3")
    with pytest.raises(ValueError, match="has no picture input"):
        animating(v3, animated(vae))
