"""How the camera of a clip moved: each frame's background, outside the fish, is laid over the first one's.

No learned part: the offset and the magnification with the least squared difference (Lucas & Kanade 1981).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from . import detector
from .detector import Picture
from .world import SIZE, Style

Floats = NDArray[np.float64]
BLUR = 1.5  # pixels
EVERY = 2  # pixels between those that are compared
MARGIN = 4  # pixels around the fish that do not count
MIDDLE = SIZE / 2
PRIOR = 0.05  # gray levels that a pixel away from the guess counts as
SCALE = 40.0  # pixels at which a magnification counts as much as an offset: what it does to a pixel halfway to the edge


@dataclass(frozen=True)
class Filming:
    """What the camera did up to each frame."""

    pan: Floats  # (frames, 2): x, y in pixels of the first frame
    zoom: Floats  # (frames,): magnification


def film(frames: Picture, style: Style = "day") -> Filming:
    """Of a clip (frames, 128, 128, 3)."""
    blurred = [ndimage.gaussian_filter(frame.astype(np.float64), (BLUR, BLUR, 0)) for frame in frames]
    free = [_outside_the_fish(frame, style) for frame in frames]
    moves = [np.zeros(3)]
    for picture, outside in zip(blurred[1:], free[1:], strict=True):
        overlay = _Overlay(blurred[0], free[0], picture, outside)
        step = moves[-1] - moves[-2] if len(moves) > 1 else np.zeros(3)
        moves.append(overlay.best(moves[-1] + step))
    each = np.array(moves)
    return Filming(each[:, :2], np.exp(each[:, 2] / SCALE))


def _outside_the_fish(picture: Picture, style: Style) -> NDArray[np.bool_]:
    outside = np.ones((SIZE, SIZE), bool)
    fish = detector.find(picture, style)
    if fish is not None:
        rows = _reach(fish.y, fish.height)
        columns = _reach(fish.x, fish.width)
        outside[rows, columns] = False
    return outside


def _reach(centre: float, extent: float) -> slice:
    half = extent / 2 + MARGIN
    return slice(max(0, int(centre - half)), int(centre + half) + 1)


class _Overlay:
    """One frame over the first. A move is (x, y, SCALE · log of the magnification)."""

    def __init__(self, first: Floats, first_free: NDArray[np.bool_], picture: Floats, free: NDArray[np.bool_]) -> None:
        rows, columns = np.mgrid[0:SIZE:EVERY, 0:SIZE:EVERY]
        counted = free[rows, columns]
        self._rows = rows[counted] + 0.5
        self._columns = columns[counted] + 0.5
        self._seen = picture[rows[counted], columns[counted]]  # (n, 3)
        self._first = first
        self._first_free = first_free.astype(np.float64)
        self._slopes = np.gradient(first, axis=(0, 1))

    def best(self, guess: Floats) -> Floats:
        """The move with the least difference, near `guess`: where nothing but water is seen, the camera goes on as it did."""

        def differences(move: Floats) -> Floats:
            return np.concatenate([self._differences(move), PRIOR * (move - guess)])

        def jacobian(move: Floats) -> Floats:
            return np.concatenate([self._jacobian(move), PRIOR * np.eye(3)])

        found = optimize.least_squares(differences, guess, jacobian, method="lm", max_nfev=40)
        move: Floats = found.x
        return move

    def _places(self, move: Floats) -> tuple[Floats, Floats, Floats]:
        """Where in the first frame the pixels lie, and how much each counts: not where the fish was or beyond the edge."""
        zoom = np.exp(move[2] / SCALE)
        y = (self._rows - MIDDLE) / zoom + MIDDLE + move[1]
        x = (self._columns - MIDDLE) / zoom + MIDDLE + move[0]
        inside = (x > 1) & (x < SIZE - 1) & (y > 1) & (y < SIZE - 1)
        free = ndimage.map_coordinates(self._first_free, [y - 0.5, x - 0.5], order=0, mode="nearest")
        counts = inside * free
        return y, x, counts / np.sqrt(max(counts.sum(), 1.0))

    def _differences(self, move: Floats) -> Floats:
        y, x, weight = self._places(move)
        seen = np.stack([_at(self._first[..., c], y, x) for c in range(3)], 1)
        differences: Floats = ((seen - self._seen) * weight[:, None]).ravel()
        return differences

    def _jacobian(self, move: Floats) -> Floats:
        y, x, weight = self._places(move)
        down = np.stack([_at(self._slopes[0][..., c], y, x) for c in range(3)], 1)
        right = np.stack([_at(self._slopes[1][..., c], y, x) for c in range(3)], 1)
        grow = -(right * (x - MIDDLE - move[0])[:, None] + down * (y - MIDDLE - move[1])[:, None]) / SCALE
        each = np.stack([right, down, grow], -1) * weight[:, None, None]  # (n, 3, 3)
        return each.reshape(-1, 3)  # (3 n, 3)


def _at(picture: Floats, y: Floats, x: Floats) -> Floats:
    values: Floats = ndimage.map_coordinates(picture, [y - 0.5, x - 0.5], order=1, mode="nearest")
    return values
