"""The detector agrees with rendered ground truth on unseen seeds, also through blur and noise."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from tools.miniature import detector, world

SEEDS = range(900_000, 900_070)
Damage = Callable[[np.ndarray], np.ndarray]


def _blur(picture: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(picture.astype(float), (0.8, 0.8, 0)).astype(np.uint8)


def _noise(picture: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 10, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("style", ["day", "neon"])
@pytest.mark.parametrize("damage", [lambda picture: picture, _blur, _noise], ids=["clean", "blur", "noise"])
def test_stills(style: world.Style, damage: Damage) -> None:
    right = np.zeros(4)
    for seed in SEEDS:
        picture, shown = world.still(seed, style)
        fish = detector.find(damage(picture), style)
        assert fish is not None, shown.caption
        x, y = shown.seen()[0]
        right += (
            fish.colour == shown.colour,
            fish.direction == shown.direction,
            fish.background == shown.background,
            abs(fish.x - x) < 6 and abs(fish.y - y) < 5,
        )
    assert (right / len(SEEDS) >= 0.99).all(), right / len(SEEDS)


@pytest.mark.parametrize("style", ["day", "neon"])
def test_clips(style: world.Style) -> None:
    for seed in range(900_300, 900_304):
        frames, shown = world.clip(seed, style=style)
        swim = detector.watch(frames, style)
        assert (swim.colour, swim.direction, swim.moving) == (shown.colour, shown.direction, shown.direction)
        assert swim.background == shown.background
        assert swim.found == swim.same_colour == 1.0 and swim.same_direction > 0.9
        assert abs(abs(swim.speed) - np.abs(np.diff(shown.x)).mean()) < 0.3
        assert swim.jitter < 2.0 and 0.8 < swim.size_change < 1.25


def test_zoomed_clips_grow() -> None:
    for seed in range(900_400, 900_402):
        frames, _ = world.clip(seed, zoom=1.5)
        assert detector.watch(frames).size_change > 1.7


def test_no_fish_is_said() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
    grey = np.full((128, 128, 3), 128, np.uint8)
    assert detector.find(grey) is None and detector.find(noise) is None
    assert detector.watch(np.stack([grey] * 4)).found == 0.0


def test_a_shuffled_clip_jitters() -> None:
    frames, _ = world.clip(900_500)
    order = np.random.default_rng(1).permutation(len(frames))
    assert detector.watch(frames[order]).jitter > 5 * detector.watch(frames).jitter
