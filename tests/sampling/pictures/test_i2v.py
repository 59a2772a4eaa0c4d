"""AnimateLCM-I2V's picture in runs: its features at the levels of the UNet, and how rarely they are computed."""

import pytest
import tiny
import torch
from comfy_extras.nodes_model_downscale import PatchModelAddDownscale
from compare import ONE_CALL, assert_alike, assert_other
from pictured import after_first_level, animated, given_to
from watching import calls_of

from kinema.sampling.call.feature_cache import FeatureCache
from kinema.sampling.curves.curve import Blocks, Constant, Listed, OverBlocks
from kinema.sampling.curves.curve_keys import OverRun
from kinema.sampling.curves.curve_text import read_keys
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.pictures.animated_picture import animating
from kinema.sampling.run.attach import added, attach
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

STILL = Applied(0.0)
"""The features alone, without the motion modules."""


def added_to_level(model, motions, frames=4, windows=None, **more):
    """What features add to the first level at the first step: one (f, c, h, w) for each model call."""
    pictured = model
    for motion in motions:
        pictured = attach(pictured, motion, STILL, KEEP)
    both = [pictured, model] if windows is None else [added(one, windows=windows) for one in (pictured, model)]
    layer = after_first_level(model)
    calls = [given_to(layer, lambda m=m: tiny.sample(m, frames, steps=1, cfg=1.0, **more)) for m in both]
    return [a - b for a, b in zip(*calls, strict=True)]


def features(i2v, model, vae, picture, positions, level=0):
    """The encoder's features of one picture at these positions of a window."""
    latents = model.model.process_latent_in(vae.encode(picture.pictures)).double()
    shifts = picture.drift * tiny.sinusoid(max(positions) + 1, 32)[positions].double()
    return i2v.model.img_encoder(latents.expand(len(positions), -1, -1, -1), shifts)[level]


def test_one_picture_serves_all_frames(model, i2v, vae):
    picture = animated(vae)
    (found,) = added_to_level(model, [animating(i2v, picture)])
    assert_alike(found, features(i2v, model, vae, picture, [0, 1, 2, 3]), within=ONE_CALL)
    (still,) = added_to_level(model, [animating(i2v, animated(vae, drift=0.0))])
    assert_alike(still, still[:1].expand_as(still), within=ONE_CALL)


def test_one_picture_for_each_frame_of_which_the_last_holds(model, i2v, vae):
    several = animated(vae, seed=3, count=3)
    (found,) = added_to_level(model, [animating(i2v, several)], frames=5)
    for row, frames in enumerate(([0], [1], [2, 3, 4])):
        one = type(several)(several.pictures[row : row + 1], vae, drift=0.0)
        (alone,) = added_to_level(model, [animating(i2v, one)], frames=5)
        assert_alike(found[frames], alone[frames], within=ONE_CALL)
    (fewer,) = added_to_level(model, [animating(i2v, several)], frames=2)
    assert_alike(fewer, found[:2], within=ONE_CALL)


def sample(animated_model, frames=4, **more):
    """A small video of two steps."""
    return tiny.sample(animated_model, frames, **{"size": 4, "cfg": 1.0, **more})


def test_all_four_levels_get_their_feature(model, i2v, vae):
    """Each level alone, by the strength of its block."""
    results = [sample(attach(model, animating(i2v, animated(vae)), Applied()), steps=1)]
    for level in range(4):
        others = ((Blocks(), Constant(0.0)), (Blocks("down", level), Constant(1.0)))
        picture = animated(vae, strength=OverBlocks(others))
        results.append(sample(attach(model, animating(i2v, picture), Applied()), steps=1))
    results.append(sample(attach(model, i2v, Applied()), steps=1))
    for i, result in enumerate(results):
        for other in results[:i]:
            assert_other(result, other, by=1e-3)


def test_strength_over_frames_and_two_applications(model, i2v, vae):
    first, second = animating(i2v, animated(vae, seed=1)), animating(i2v, animated(vae, seed=2, drift=0.3))
    alone = [added_to_level(model, [motion])[0] for motion in (first, second)]
    assert_alike(added_to_level(model, [first, second])[0], alone[0] + alone[1], within=ONE_CALL)
    frames = (1.0, 0.0, -0.5, 2.0)
    (curved,) = added_to_level(model, [animating(i2v, animated(vae, seed=1, strength=Listed(frames)))])
    assert_alike(curved, alone[0] * torch.tensor(frames).view(4, 1, 1, 1), within=ONE_CALL)


@pytest.mark.parametrize(("schedule", "at_once"), [("static", 1), ("static", 3), ("uniform", 2)])
def test_positions_begin_anew_in_each_window(model, i2v, vae, schedule, at_once):
    picture = animated(vae)
    windows = ContextWindows(WindowSpec(4, 1, schedule), at_once=at_once)
    found = torch.cat(added_to_level(model, [animating(i2v, picture)], frames=10, windows=windows))
    each = features(i2v, model, vae, picture, [0, 1, 2, 3])
    assert_alike(found, each.repeat(len(found) // 4, 1, 1, 1), within=ONE_CALL)


def test_pictures_of_frames_are_cut_with_the_windows(model, i2v, vae):
    motion = animating(i2v, animated(vae, seed=3, count=7))
    (whole,) = added_to_level(model, [motion], frames=7)
    for at_once in (1, 2):
        windows = ContextWindows(WindowSpec(4, 1), at_once=at_once)
        found = torch.cat(added_to_level(model, [motion], frames=7, windows=windows))
        cut, _ = windows.cut(7, 0, 1.0)
        assert_alike(found, whole[[frame for window in cut for frame in window]], within=ONE_CALL)


@pytest.mark.parametrize("area", [(4, 6, 4, 2), (7, 5, 1, 3), (8, 3, 0, 5)])
def test_areas_of_prompts_see_their_cut_of_the_whole_picture(model, i2v, vae, area):
    motion = animating(i2v, animated(vae))
    prompts = [*tiny.conditioning(6), [tiny.conditioning(7)[0][0], {"area": area}]]
    found = {tuple(call.shape[2:]): call[-4:] for call in added_to_level(model, [motion], positive=prompts)}
    h, w, y, x = area
    assert_alike(found[(h, w)], found[(8, 8)][:, :, y : y + h, x : x + w], within=ONE_CALL)


@pytest.mark.parametrize("size", [9, 13])
def test_any_size_and_deep_shrink(model, i2v, vae, size):
    animated_model = attach(model, animating(i2v, animated(vae)), Applied())
    assert torch.isfinite(sample(animated_model, size=size, steps=1)).all()
    shrunk = PatchModelAddDownscale.execute(animated_model, 1, 2.0, 0.0, 1.0, True, "bicubic", "bicubic")[0]
    assert torch.isfinite(sample(shrunk, size=size, steps=1)).all()


def encoder_calls(motion, animated_model, frames=4, **more):
    """How often each step of a video runs the encoder."""
    return calls_of(motion.model.img_encoder, lambda step: sample(animated_model, frames, callback=step, **more))


def test_features_are_computed_once_in_a_run(model, i2v, vae):
    one = attach(model, animating(i2v, animated(vae)), Applied())
    assert encoder_calls(i2v, one, steps=3) == [1, 0, 0]
    windows = added(one, windows=ContextWindows(WindowSpec(4, 1)))
    assert encoder_calls(i2v, windows, 10) == [1, 0]
    moving = added(one, windows=ContextWindows(WindowSpec(4, 1, "uniform")))
    assert encoder_calls(i2v, moving, 10) == [1, 0]
    several = attach(model, animating(i2v, animated(vae, count=10)), Applied())
    moving = added(several, windows=ContextWindows(WindowSpec(4, 1, "uniform"), at_once=1))
    calls = encoder_calls(i2v, moving, 10)
    assert calls[0] > 1 and calls[1:] == [0]  # each frame in the first window that has it


def test_the_encoder_does_not_run_where_nothing_is_added(model, i2v, vae):
    late = animating(i2v, animated(vae, strength=OverRun(read_keys("0: 0 hold, 2: 1 hold, 3: 0 hold"))))
    assert encoder_calls(i2v, attach(model, late, Applied()), steps=4) == [0, 0, 1, 0]
    ended = attach(model, animating(i2v, animated(vae)), Applied(start_percent=0.9))
    assert encoder_calls(i2v, ended, steps=3)[:2] == [0, 0]
    assert encoder_calls(i2v, attach(model, animating(i2v, animated(vae, strength=0.0)), Applied())) == [0, 0]


def test_a_full_cache_changes_nothing_but_time(model, i2v, vae, monkeypatch):
    """What fits is found again at every step, although each step asks for more than fits."""
    several = attach(model, animating(i2v, animated(vae, count=10)), Applied())
    windows = added(several, windows=ContextWindows(WindowSpec(4, 1), at_once=1))
    kept = sample(windows, 10, steps=3)
    monkeypatch.setattr(FeatureCache.__init__, "__defaults__", (30_000,))
    results = []
    run = lambda step: results.append(sample(windows, 10, steps=3, callback=step))  # noqa: E731
    assert calls_of(i2v.model.img_encoder, run) == [3, 2, 2]  # the frames of one window fit
    assert torch.equal(results[0], kept)
    several_at_once = added(several, windows=ContextWindows(WindowSpec(4, 1), at_once=2))
    torch.testing.assert_close(sample(several_at_once, 10, steps=3), kept)
