"""What is measured of animations that are given pictures: drawn clips resemble themselves and no others."""

from dataclasses import replace

import numpy as np

from tools.miniature import pictures, world

SEEDS = range(900_000, 900_003)


def test_drawn_clips_resemble_themselves() -> None:
    drawn = [world.scene(seed) for seed in SEEDS]
    found = pictures.compared([world.draw(shown) for shown in drawn], drawn)
    assert found.clips == len(SEEDS)
    assert found.colour >= 0.95  # where the fish leaves the picture, a few frames are too small
    assert (found.first_place, found.first_facing, found.last_colour, found.last_place, found.swims) == (1, 1, 1, 1, 1)
    assert 1 < found.speed < 6


def test_what_differs_is_noticed() -> None:
    shown = world.scene(SEEDS[0])
    other = replace(
        shown,
        colour=next(colour for colour in world.COLOURS if colour != shown.colour),
        direction="left" if shown.direction == "right" else "right",
        x=np.roll(shown.x, len(shown.x) // 2),
        y=shown.y + 2 * pictures.NEAR * np.sign(world.SIZE / 2 - shown.y),
    )
    found = pictures.compared([world.draw(other)], [shown])
    assert (found.colour, found.first_place, found.first_facing) == (0, 0, 0)
    assert (found.last_colour, found.last_place) == (0, 0)
