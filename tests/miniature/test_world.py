"""The world is deterministic, keeps its fish inside the picture and moves it the way it faces."""

import numpy as np
import pytest

from tools.miniature import world

SEEDS = range(500_000, 500_200)


def test_a_seed_is_a_picture() -> None:
    first, shown = world.still(7)
    again, _ = world.still(7)
    other, _ = world.still(8)
    assert first.shape == (128, 128, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert shown.colour in shown.caption and shown.direction in shown.caption and shown.background in shown.caption


def test_every_colour_background_and_direction_comes_up() -> None:
    shown = [world.scene(seed) for seed in SEEDS]
    assert {scene.colour for scene in shown} == set(world.COLOURS)
    assert {scene.background for scene in shown} == set(world.BACKGROUNDS)
    assert {scene.direction for scene in shown} == set(world.DIRECTIONS)


@pytest.mark.parametrize(("frames", "zoom"), [(16, 1.0), (16, 1.5), (32, 1.0), (2, 1.0)])
def test_fish_stays_inside_and_swims_forward(frames: int, zoom: float) -> None:
    for seed in SEEDS:
        shown = world.scene(seed, frames, zoom=zoom)
        half = np.stack([world.HALF_LENGTH * shown.zoom, world.HALF_HEIGHT * shown.zoom], 1) * shown.scale
        assert (shown.seen() - half > -0.5).all() and (shown.seen() + half < world.SIZE + 0.5).all()
        forward = np.diff(shown.x) * (1 if shown.direction == "right" else -1)
        assert (forward > 0.2).all()


def test_only_the_fish_moves() -> None:
    clip, shown = world.clip(3)
    changed = (clip != clip[0]).any((0, 3))
    rows, columns = np.nonzero(changed)
    reach = 24 * shown.scale
    assert changed.any()
    assert abs(rows - shown.y.mean()).max() < reach + np.ptp(shown.y)
    assert np.ptp(columns) < np.ptp(shown.x) + 2 * world.HALF_LENGTH * shown.scale + 4


def test_a_still_is_a_moment_of_its_clip() -> None:
    picture, _ = world.still(11)
    clip, _ = world.clip(11)
    assert (clip == picture).all((1, 2, 3)).any()


def test_styles_show_the_same_scene() -> None:
    day, shown = world.still(5)
    neon, same = world.still(5, "neon")
    assert shown.caption == same.caption and np.array_equal(shown.x, same.x)
    assert np.abs(day.astype(int) - neon).mean() > 30


def test_zoom_enlarges_the_fish() -> None:
    clip, shown = world.clip(9, zoom=1.5)
    assert shown.zoom[0] == 1.0 and shown.zoom[-1] == pytest.approx(1.5)
    assert not np.array_equal(clip[0][-1], clip[-1][-1])  # the camera moves the background too
