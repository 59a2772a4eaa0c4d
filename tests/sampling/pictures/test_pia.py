"""PIA's picture in runs: what it adds to the first layer, where and when."""

import comfy.sd
import exact
import pytest
import tiny
import torch
from compare import ONE_CALL, assert_alike, assert_other
from pictured import after_conv_in, animated, given_to

from kinema.motion.load import load_motion_model
from kinema.sampling.curves.curve import Combined, Constant, Listed, OverPicture
from kinema.sampling.curves.curve_keys import OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.pictures.affinity import affinities
from kinema.sampling.pictures.animated_picture import animating
from kinema.sampling.run.attach import added, attach
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

STILL = Applied(0.0)
"""The picture alone, without the motion modules."""


def added_to_conv_in(model, motions, frames=4, how=STILL, **more):
    """What pictures add to the output of the first layer at the first step, for the positive prompt: (f, c, h, w)."""
    pictured = model
    for motion in motions:
        pictured = attach(pictured, motion, how, KEEP)
    more = {"steps": 1, "cfg": 1.0, **more}
    runs = (given_to(after_conv_in(model), lambda m=m: tiny.sample(m, frames, **more)) for m in (pictured, model))
    with_it, without = (torch.cat(calls)[-frames:] for calls in runs)
    return with_it - without


def expected(motion, model, vae, picture, mask, frames=4, size=8):
    """The convolution of the mask and the picture with the last five channels of the file."""
    pixels = picture.pictures[:, : 8 * size, : 8 * size]
    latents = model.model.process_latent_in(vae.encode(pixels)).double()
    planes = torch.tensor(mask).double()[:, None, None, None].expand(frames, 1, size, size)
    x = torch.cat([planes, latents.expand(frames, -1, -1, -1)], 1)
    return torch.nn.functional.conv2d(x, motion.model.conv_in.weight, padding=1)


def test_the_picture_adds_its_convolution_to_the_first_layer(model, pia, vae):
    picture = animated(vae, motion="large", frame=2)
    found = added_to_conv_in(model, [animating(pia, picture)])
    assert_alike(found, expected(pia, model, vae, picture, affinities("large", 4, 2)), within=ONE_CALL)
    last = added_to_conv_in(model, [animating(pia, animated(vae, motion="large", frame=-2))])
    assert torch.equal(last, found)


def test_the_first_layer_with_a_lora_and_that_of_an_inpainting_model_stay_as_they_are(model, pia, vae):
    motion = animating(pia, animated(vae))
    found = added_to_conv_in(model, [motion])
    with_lora = comfy.sd.load_lora_for_models(model, None, tiny.lora(model), 1.0, 0.0)[0]
    assert_alike(added_to_conv_in(with_lora, [motion]), found, within=ONE_CALL)
    inpainting = exact.inpainting_model()
    latent = {"concat_latent_image": torch.zeros(4, 4, 8, 8), "concat_mask": torch.ones(4, 1, 64, 64)}
    positive = [[tiny.conditioning(3)[0][0], latent]]
    negative = [[tiny.conditioning(4)[0][0], latent]]
    in_it = added_to_conv_in(inpainting, [motion], positive=positive, negative=negative, cfg=4.0)
    assert_alike(in_it, found, within=ONE_CALL)


def test_two_applications_of_one_file_with_two_pictures_act_both(model, pia, vae):
    first = animating(pia, animated(vae, seed=1, strength=0.7))
    second = animating(pia, animated(vae, seed=2, motion="style large", frame=3))
    alone = [added_to_conv_in(model, [motion]) for motion in (first, second)]
    assert_other(alone[0], alone[1])
    assert_alike(added_to_conv_in(model, [first, second]), alone[0] + alone[1], within=ONE_CALL)
    both = attach(attach(model, first, STILL, KEEP), second, STILL, KEEP)
    assert len(both.get_additional_models_with_key("kinema")) == 1


def test_strength_is_a_number_or_a_curve_over_frames_picture_and_steps(model, pia, vae):
    def found(strength):
        return added_to_conv_in(model, [animating(pia, animated(vae, strength=strength))])

    whole = found(1.0)
    assert_alike(found(0.5), whole * 0.5, within=ONE_CALL)
    frames = (1.0, 0.0, -0.5, 2.0)
    assert_alike(found(Listed(frames)), whole * torch.tensor(frames).view(4, 1, 1, 1), within=ONE_CALL)
    left = torch.zeros(1, 8, 8)
    left[..., :4] = 1.0
    masked = found(OverPicture(left))
    assert_alike(masked[..., :3], whole[..., :3], within=ONE_CALL)
    assert masked[..., 5:].abs().max() == 0 and masked[..., :3].abs().max() > 0
    assert found(OverRun(read_keys("0: 0 hold, 1: 1"))).abs().max() == 0


def test_a_curve_in_place_of_the_table(model, pia, vae):
    picture = animated(vae, affinity=Listed((0.1, 0.9, 0.5, 0.3)))
    found = added_to_conv_in(model, [animating(pia, picture)])
    assert_alike(found, expected(pia, model, vae, picture, (0.1, 0.9, 0.5, 0.3)), within=ONE_CALL)
    number = added_to_conv_in(model, [animating(pia, animated(vae, affinity=Constant(0.4)))])
    assert_alike(number, expected(pia, model, vae, picture, (0.4,) * 4), within=ONE_CALL)


def test_two_pictures_are_the_ends_of_a_tween(model, pia, vae):
    picture = animated(vae, seed=5, count=2)
    found = added_to_conv_in(model, [animating(pia, picture)])
    ends = [animated(vae, seed=5, count=2).pictures[i : i + 1] for i in (0, 1)]
    alone = [expected(pia, model, vae, type(picture)(pictures, vae), (1.0, 0.2, 0.2, 1.0)) for pictures in ends]
    assert_alike(found, torch.cat([alone[0][:2], alone[1][2:]]), within=ONE_CALL)


@pytest.mark.parametrize(("schedule", "at_once"), [("static", 1), ("static", 3), ("uniform", 2)])
def test_windows_see_their_frames(model, pia, vae, schedule, at_once):
    picture = animated(vae, motion="large", frame=5)
    windows = ContextWindows(WindowSpec(4, 1, schedule), at_once=at_once)
    pictured = added(attach(model, animating(pia, picture), STILL, KEEP), windows=windows)
    plain = added(model, windows=windows)
    calls = [
        given_to(after_conv_in(model), lambda m=m: tiny.sample(m, 10, steps=1, cfg=1.0)) for m in (pictured, plain)
    ]
    found = torch.cat(calls[0]) - torch.cat(calls[1])
    cut, _ = windows.cut(10, 0, 1.0)
    whole = expected(pia, model, vae, picture, affinities("large", 10, 5), frames=10)
    assert_alike(found, whole[[frame for window in cut for frame in window]], within=ONE_CALL)


def test_areas_of_prompts_see_their_cut_of_the_whole_picture(model, pia, vae):
    picture = animated(vae, affinity=OverPicture(torch.rand(1, 8, 8, generator=tiny.generator(1))))
    area = [tiny.conditioning(7)[0][0], {"area": (6, 4, 1, 3)}]
    pictured = attach(model, animating(pia, picture), STILL, KEEP)

    def calls(of):
        positive = [*tiny.conditioning(6), area]
        return given_to(after_conv_in(model), lambda: tiny.sample(of, 4, steps=1, cfg=1.0, positive=positive))

    changes = {tuple(a.shape[2:]): a - b for a, b in zip(calls(pictured), calls(model), strict=True)}
    part, whole = changes[(6, 4)][-4:], changes[(8, 8)][-4:]
    assert_alike(part[:, :, 1:-1, 1:-1], whole[:, :, 2:6, 4:6], within=ONE_CALL)  # borders see the padding


def test_it_acts_while_its_motion_model_does(model, pia, vae):
    motion = animating(pia, animated(vae))
    late = Applied(0.0, start_percent=0.5)
    assert added_to_conv_in(model, [motion], how=late).abs().max() == 0
    assert added_to_conv_in(model, [motion], how=Applied(0.0, end_percent=0.5)).abs().max() > 0


def test_strength_0_is_the_motion_model_without_a_picture(model, pia, vae):
    off, on = (animating(pia, animated(vae, strength=strength)) for strength in (0.0, 1.0))
    results = [tiny.sample(attach(model, motion, Applied()), steps=1, cfg=1.0) for motion in (off, pia, on)]
    assert torch.equal(results[0], results[1])
    assert_other(results[2], results[0])


def test_curves_are_read_once_for_a_model_call(model, pia, vae):
    """A product of curves over frames and steps."""
    curve = Combined("multiply", Listed((1.0, 0.5)), OverRun(read_keys("0: 1, 1: 0")))
    result = tiny.sample(attach(model, animating(pia, animated(vae, strength=curve)), Applied()), cfg=1.0)
    assert torch.isfinite(result).all()


def test_half_precision(vae, tmp_path):
    import families

    file = tiny.save({k: w.half() for k, w in families.pia().items()}, tmp_path / "pia.safetensors")
    motion = animating(load_motion_model(file), animated(vae))
    result = tiny.sample(attach(tiny.image_model(storage=torch.float16), motion, Applied()), steps=1, cfg=1.0)
    assert torch.isfinite(result).all()
