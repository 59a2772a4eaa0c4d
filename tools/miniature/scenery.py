"""The four backgrounds of the miniature's world, drawn from numbers, in both styles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class _Look:
    top: Rgb  # by day: colour at the top of the picture
    bottom: Rgb  # by day: colour at the bottom
    near: Rgb  # the features at the front
    far: Rgb  # the features behind
    line: Rgb  # the outline at night


LOOKS = {
    "coral reef": _Look((158, 208, 216), (98, 164, 188), (206, 142, 128), (222, 182, 156), (132, 78, 96)),
    "deep sea": _Look((44, 66, 100), (14, 20, 40), (34, 36, 48), (62, 88, 122), (58, 82, 138)),
    "sandy lagoon": _Look((178, 226, 224), (150, 206, 210), (226, 206, 164), (170, 160, 146), (134, 126, 88)),
    "kelp forest": _Look((84, 120, 108), (36, 62, 60), (58, 84, 48), (98, 112, 58), (62, 116, 84)),
}
NIGHT_TOP: Rgb = (22, 16, 42)
NIGHT_BOTTOM: Rgb = (36, 22, 62)


def background_layers(
    name: str, variation: tuple[float, ...], px: Floats, py: Floats, style: str, softness: float
) -> Floats:
    """Paint a background.

    Args:
        variation: 4 numbers in [0, 1) that place the features.
        px, py: world coordinates in pixels, shapes (f, 1, w) and (f, h, 1).
    Returns:
        (f, h, w, 3), 0 to 255.
    """
    look = LOOKS[name]
    day = style == "day"
    top, bottom = (look.top, look.bottom) if day else (NIGHT_TOP, NIGHT_BOTTOM)
    depth = np.clip(py / 128.0, 0, 1)[..., None]
    highest = np.asarray(top, np.float32)
    lowest = np.asarray(bottom, np.float32)
    gradient = highest + (lowest - highest) * depth
    picture: Floats = np.broadcast_to(gradient, (len(py), py.shape[1], px.shape[2], 3)).astype(np.float32)
    for distance, front in _shapes(name, variation, px, py):
        rgb = np.asarray((look.near if front else look.far) if day else look.line, np.float32)
        edge = distance if day else np.abs(distance) - 1.2
        picture += (rgb - picture) * np.clip(0.5 - edge / softness, 0, 1)[..., None]
    return picture


def _shapes(name: str, v: tuple[float, ...], px: Floats, py: Floats) -> list[tuple[Floats, bool]]:
    """Signed distances (f, h, w) of a background's features, back to front; the flag says which are in front."""
    if name == "coral reef":
        back = [_disc(px, py, 18 + 20 * v[0], 122, 20), _disc(px, py, 92 + 20 * v[1], 124, 22)]
        front = [_disc(px, py, 52 + 20 * v[2], 130, 21), _disc(px, py, -4 + 10 * v[3], 134, 24)]
        return [(_union(back), False), (_union(front), True)]
    if name == "deep sea":
        slant = px + 0.45 * py
        rays = [np.abs(slant - 30 - 24 * v[0]) - 7, np.abs(slant - 104 - 24 * v[1]) - 9]
        rocks = [_disc(px, py, 20 + 30 * v[2], 136, 22), _disc(px, py, 84 + 30 * v[3], 138, 26)]
        return [(_union(rays), False), (_union(rocks), True)]
    if name == "sandy lagoon":
        dune = 104 + 4 * np.sin(px / 17.0 + 6.28 * v[0]) - py + 0 * px
        stones = [_disc(px, py, 14 + 40 * v[1], 114, 8), _disc(px, py, 76 + 40 * v[2], 118, 9)]
        return [(dune, True), (_union(stones), False)]
    strands = [
        np.abs(px - at - 12 * v[i] - 4 * np.sin(py / 14.0 + 6.28 * v[3 - i])) - wide
        for i, (at, wide) in enumerate(((10, 5), (42, 4), (76, 5), (106, 4)))
    ]
    return [(_union(strands[1::2]), False), (_union(strands[0::2]), True)]


def _disc(px: Floats, py: Floats, x: float, y: float, radius: float) -> Floats:
    distance: Floats = np.hypot(px - np.float32(x), py - np.float32(y)) - np.float32(radius)
    return distance


def _union(shapes: list[Floats]) -> Floats:
    joined = shapes[0]
    for other in shapes[1:]:
        joined = np.minimum(joined, other)
    return joined
