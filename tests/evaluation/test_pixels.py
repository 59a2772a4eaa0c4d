"""Flicker, motion, difference and seam on animations in which each is known."""

import math
from itertools import pairwise

import pytest
import torch

from evaluation import pictures
from kinema.evaluation.pixels import WORKING_SIZE, flicker_and_motion, neighbour_difference, seam

CPU = torch.device("cpu")


def measure(frames):
    flicker, motion = flicker_and_motion(frames, CPU, lambda: None)
    assert len(flicker) == len(motion) == len(frames) - 1
    return flicker, motion


def test_still_frames():
    frames = pictures.pan(1).expand(4, -1, -1, -1)
    flicker, motion = measure(frames)
    assert flicker.max() < 1e-2 and motion.max() < 1e-3
    assert torch.equal(neighbour_difference(frames), torch.zeros(3))
    assert torch.equal(seam(frames), torch.ones(4))


def test_a_pan_moves_as_far_as_the_camera_and_hardly_flickers():
    flicker, motion = measure(pictures.pan(4))
    expected = 100 * math.hypot(1.5, 1.0) / pictures.SIZE
    torch.testing.assert_close(motion, torch.full((3,), expected), rtol=0.1, atol=0)
    assert flicker.max() < 1


def blinking(amplitude):
    """Every second frame is brighter: a difference of `amplitude` between neighbours."""
    return amplitude * (torch.arange(4) % 2).view(4, 1, 1, 1)


def noise(amplitude):
    return amplitude * torch.randn(4, pictures.SIZE, pictures.SIZE, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("disturb", [blinking, noise])
def test_flicker_grows_with_what_is_added(disturb):
    scores = [measure(pictures.pan(4) + disturb(a))[0].mean() for a in (0, 0.01, 0.02, 0.04, 0.08)]
    assert all(more > less for less, more in pairwise(scores))


@pytest.mark.parametrize("amplitude", [0.02, 0.05, 0.1])
def test_flicker_is_in_percent_of_the_range(amplitude):
    flicker, motion = measure(pictures.pan(4) + blinking(amplitude))
    torch.testing.assert_close(flicker, torch.full((3,), 100 * amplitude), rtol=0.1, atol=0)
    torch.testing.assert_close(motion, measure(pictures.pan(4))[1], rtol=0.05, atol=0)
    still = measure(pictures.pan(1).expand(4, -1, -1, -1) + blinking(amplitude))
    torch.testing.assert_close(still[0], torch.full((3,), 100 * amplitude), rtol=0.02, atol=0)


def test_unrelated_frames_flicker_more_than_anything():
    unrelated = torch.cat([pictures.pan(1, seed=i) for i in range(4)])
    assert measure(unrelated)[0].min() > 3 * measure(pictures.pan(4) + blinking(0.05))[0].max()


def test_large_frames_measure_like_small_ones():
    world = pictures.texture(800, scales=(16, 64))
    large = torch.cat([pictures.view(world, 6 * i, size=2 * WORKING_SIZE) for i in range(2)])
    small = large.movedim(-1, 1).unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(-2, -1)).movedim(1, -1)
    for a, b in zip(measure(large), measure(small), strict=True):
        torch.testing.assert_close(a, b, rtol=0.1, atol=0.02)
    assert float(measure(large)[1]) == pytest.approx(100 * 6 / 512, rel=0.05)


def test_wide_frames_and_alpha():
    frames = pictures.pan(3)[:, 20:60]
    with_alpha = torch.cat([frames, torch.rand(3, *frames.shape[1:3], 1)], dim=-1)
    torch.testing.assert_close(measure(with_alpha), measure(frames))
    assert float(measure(frames)[1].mean()) == pytest.approx(100 * math.hypot(1.5, 1.0) / 40, rel=0.1)


def test_progress_and_interrupts_after_each_pair():
    class Stop(Exception):
        pass

    def tick():
        ticks.append(1)
        if len(ticks) == 2:
            raise Stop

    ticks = []
    with pytest.raises(Stop):
        flicker_and_motion(pictures.pan(5), CPU, tick)


def test_neighbour_difference_is_the_mean_in_percent():
    frames = torch.zeros(3, 8, 8, 3)
    frames[1, :4] = 0.5
    frames[2] = 1
    torch.testing.assert_close(neighbour_difference(frames), torch.tensor([25.0, 75.0]))


def circle(frames, radius=6):
    """A camera that goes around, and is back at the beginning one frame after the last."""
    world = pictures.texture(scales=(32, 64))
    angles = [2 * math.pi * i / frames for i in range(frames)]
    return torch.cat([pictures.view(world, radius * math.cos(a), radius * math.sin(a)) for a in angles])


def test_seam_of_a_loop_and_of_a_cut_loop():
    loop = circle(12)
    assert float(seam(loop)[-1]) == pytest.approx(1, abs=0.2)
    assert seam(loop[:9])[-1] > 1.5  # the last quarter is missing
    assert seam(pictures.pan(8))[-1] > 2
    broken = loop.clone()
    broken[-1] = 1 - broken[-1]
    assert seam(broken)[-1] > seam(loop[:9])[-1]


def test_seam_shows_where_the_jump_is():
    rotated = circle(12).roll(4, dims=0)[:11]  # a cut loop: its end and its beginning are apart by two steps
    steps = seam(rotated)
    assert steps.argmax() == 10 and len(steps) == 11
    assert (steps[:-1] - 1).abs().max() < 0.2 and steps[-1] > 1.7
