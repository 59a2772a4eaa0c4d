"""Judges pictures of the miniature's world: a classical detector of the fish, with no learned part.

A pixel belongs to the fish when its colour is nearer to a fish's paint than to the scenery's (in CIE Lab); the largest
connected piece is the fish, its eye (white around black) says where it faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from . import scenery, world
from .world import BACKGROUNDS, COLOURS, FISH_RGB, SIZE, Style

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
SMALLEST = 250  # pixels: a fish has about 900, its neon outline about 600


@dataclass(frozen=True)
class Fish:
    """What is seen in one picture; pixels of the picture, x to the right and y down."""

    colour: str  # one of COLOURS
    direction: str  # where it faces: "left" or "right"
    background: str  # one of BACKGROUNDS
    x: float  # centre between its ends, pixels
    y: float  # centre, pixels: the median row
    width: float  # pixels
    height: float  # pixels
    area: int  # pixels that belong to it
    paint: float  # share of its painted pixels that have its colour
    others: int  # pixels of the largest other piece with the paint of a fish


@dataclass(frozen=True)
class Swim:
    """What is seen in a clip."""

    found: float  # share of frames with one fish
    colour: str  # of most frames
    same_colour: float  # share of frames that agree with it
    direction: str  # faced in most frames
    same_direction: float  # share of frames that agree with it
    background: str  # in most frames
    same_background: float  # share of frames that agree with it
    moving: str  # "left", "right" or "nowhere": by a straight line through the centres
    speed: float  # pixels a frame along x, positive to the right
    jitter: float  # pixels: root mean square distance of the centres from smooth (quadratic) motion
    size_change: float  # the fish's area in the last frames over that in the first ones
    size_jitter: float  # relative: deviation of the square root of the area from a straight line


def lab(picture: NDArray[np.generic]) -> Floats:
    """sRGB 0 to 255, (..., 3), as CIE Lab (D65)."""
    value = np.asarray(picture, np.float64) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = linear @ matrix.T / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def find(picture: Picture, style: Style = "day") -> Fish | None:
    """The fish in an RGB picture (128, 128, 3), or None where there is none (or none alone: pieces too small)."""
    seen = ndimage.gaussian_filter(picture.astype(np.float64), (0.6, 0.6, 0))
    labels = _paint_of(seen, style)
    body = ndimage.binary_opening(labels >= 0, iterations=1)
    eye = _eye_pixels(seen, style)
    pieces, count = ndimage.label(
        ndimage.binary_closing(body | (eye & ndimage.binary_dilation(body, iterations=4)), iterations=2)
    )
    if not count:
        return None
    areas = ndimage.sum_labels(np.ones_like(pieces), pieces, np.arange(1, count + 1))
    best = int(np.argmax(areas)) + 1
    mask = ndimage.binary_fill_holes(pieces == best)
    area = int(mask.sum())
    areas[best - 1] = 0
    if area < SMALLEST:
        return None
    votes = np.bincount(labels[mask & (labels >= 0)], minlength=len(COLOURS))
    rows, columns = np.nonzero(mask)
    low, high = np.percentile(columns, (0.5, 99.5))
    return Fish(
        colour=COLOURS[int(np.argmax(votes))],
        direction=_facing(seen, mask),
        background=_background(picture, mask, style),
        x=float((low + high) / 2 + 0.5),
        y=float(np.median(rows) + 0.5),
        width=float(high - low + 1),
        height=float(np.ptp(rows) + 1),
        area=area,
        paint=float(votes.max() / max(1, votes.sum())),
        others=int(areas.max()),
    )


def watch(frames: Picture, style: Style = "day") -> Swim:
    """Judge a clip (frames, 128, 128, 3)."""
    seen = [(i, fish) for i, frame in enumerate(frames) if (fish := find(frame, style)) is not None]
    if len(seen) < 3:
        return Swim(len(seen) / len(frames), "none", 0.0, "none", 0.0, "none", 0.0, "nowhere", 0.0, 0.0, 0.0, 0.0)
    at = np.array([i for i, _ in seen], float)
    x = np.array([fish.x for _, fish in seen])
    y = np.array([fish.y for _, fish in seen])
    side = np.sqrt([fish.area for _, fish in seen])
    off = [v - np.polyval(np.polyfit(at, v, 2), at) for v in (x, y)]
    speed = float(np.polyfit(at, x, 1)[0])
    third = max(1, len(seen) // 4)
    line = np.polyval(np.polyfit(at, side, 1), at)
    colour, same_colour = _most([fish.colour for _, fish in seen])
    direction, same_direction = _most([fish.direction for _, fish in seen])
    background, same_background = _most([fish.background for _, fish in seen])
    return Swim(
        found=len(seen) / len(frames),
        colour=colour,
        same_colour=same_colour,
        direction=direction,
        same_direction=same_direction,
        background=background,
        same_background=same_background,
        moving="nowhere" if abs(speed) < 0.3 else ("right" if speed > 0 else "left"),
        speed=speed,
        jitter=float(np.sqrt(np.mean(off[0] ** 2 + off[1] ** 2))),
        size_change=float(np.mean(side[-third:] ** 2) / np.mean(side[:third] ** 2)),
        size_jitter=float(np.std(side - line) / np.mean(side)),
    )


def _most(values: list[str]) -> tuple[str, float]:
    best = max(sorted(set(values)), key=values.count)
    return best, values.count(best) / len(values)


@lru_cache(maxsize=4)
def _palette(style: Style) -> tuple[Floats, NDArray[np.int64]]:
    """Lab colours of paints and the fish colour of each, -1 for scenery and for the eye's black."""
    paints: list[tuple[NDArray[np.float64], int]] = []
    for index, name in enumerate(COLOURS):
        colour = np.array(FISH_RGB[style][name], float)
        if style == "day":
            toward = 255.0 if name != "white" else 190.0
            paints += [(colour * 0.78, index), *((colour + (toward - colour) * s, index) for s in (0, 0.22, 0.45))]
        else:
            paints += [(colour, index), (colour * 0.66, index), (colour * 0.4, index)]
    for look in scenery.LOOKS.values():
        if style == "day":
            top = np.array(look.top, float)
            bottom = np.array(look.bottom, float)
            paints += [(top + (bottom - top) * s, -1) for s in (0, 0.25, 0.5, 0.75, 1)]
            paints += [(np.array(rgb, float), -1) for rgb in (look.near, look.far)]
        else:
            night = np.array(scenery.NIGHT_TOP, float)
            paints += [(night + (np.array(look.line, float) - night) * s, -1) for s in (0, 0.35, 0.7, 1)]
    paints += [(np.array((16, 16, 24), float), -1)]
    return lab(np.stack([rgb for rgb, _ in paints])), np.array([index for _, index in paints])


def _paint_of(picture: Floats, style: Style) -> NDArray[np.int64]:
    """(h, w): the index of the fish colour of every pixel, -1 where it is scenery."""
    colours, owners = _palette(style)
    nearness = lab(picture) @ colours.T - 0.5 * (colours**2).sum(-1)  # -½ squared distance, less a constant
    owner: NDArray[np.int64] = owners[np.argmax(nearness, -1)]
    return owner


def _eye_pixels(picture: Floats, style: Style) -> NDArray[np.bool_]:
    brightness = picture.mean(-1)
    colourless = np.ptp(picture, axis=-1) < 45
    eye: NDArray[np.bool_] = colourless & ((brightness > 205) | (brightness < 60))
    return eye


def _facing(picture: Floats, mask: NDArray[np.bool_]) -> str:
    """By the eye (white around black), else by the fish's mass: the tail's end is thin."""
    ring, pupil = _eye_filters()
    white = ndimage.convolve(picture.min(-1), ring)
    black = ndimage.convolve(picture.max(-1), pupil)
    score = np.where(ndimage.binary_erosion(mask, iterations=3), white - black, -255.0)
    columns = np.nonzero(mask)[1]
    middle = (columns.min() + columns.max()) / 2
    width = max(np.ptp(columns), 1)
    row, column = np.unravel_index(int(np.argmax(score)), score.shape)
    offset = (column - middle) / width
    lean = (columns.mean() - middle) / width
    sure = score[row, column] > 25 and abs(offset) > 0.08
    return "right" if (offset if sure else lean) > 0 else "left"


@lru_cache(maxsize=1)
def _eye_filters() -> tuple[Floats, Floats]:
    """Means over a ring (the eye's white) and over a disc (its pupil), 13 × 13 pixels."""
    far = np.hypot(*np.mgrid[-6:7, -6:7])
    ring = ((far > 2.9) & (far < 5.2)).astype(float)
    disc = (far < 2.3).astype(float)
    return ring / ring.sum(), disc / disc.sum()


@lru_cache(maxsize=4)
def _backdrops(style: Style) -> NDArray[np.float64]:
    """(backgrounds, variations, 16, 16, 3) Lab: what each background looks like, coarsely."""
    rng = np.random.default_rng(0)
    axis = np.arange(SIZE, dtype=np.float32) + 0.5
    drawn = [
        [
            scenery.background_layers(name, tuple(rng.random(4)), axis[None, None, :], axis[None, :, None], style, 1.5)[
                0
            ]
            for _ in range(24)
        ]
        for name in BACKGROUNDS
    ]
    coarse = np.array(drawn).reshape(len(BACKGROUNDS), 24, 16, 8, 16, 8, 3).mean((3, 5))
    return lab(coarse)


def _background(picture: Picture, fish: NDArray[np.bool_], style: Style) -> str:
    """The background whose nearest variation differs least outside the fish."""
    coarse = lab(picture.reshape(16, 8, 16, 8, 3).astype(np.float64).mean((1, 3)))
    free = ndimage.binary_dilation(fish, iterations=6).reshape(16, 8, 16, 8).mean((1, 3)) < 0.05
    distance = (((_backdrops(style) - coarse) ** 2).sum(-1) * free).sum((-1, -2))
    return BACKGROUNDS[int(np.argmin(distance.min(1)))]


def label(fish: Fish | None) -> str:
    """The caption a fish deserves, for contact sheets."""
    if fish is None:
        return "no fish"
    return world.caption_of(fish.colour, fish.direction, fish.background)
