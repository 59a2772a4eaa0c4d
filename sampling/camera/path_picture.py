"""A picture of a camera path: the camera in frames of the video, as pyramids, from three sides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...drawing.axes import evenly, round_step
from ...drawing.canvas import COLOURS, INK, PALE, RULE, Box, Canvas, Point, tint
from .track import Array, Track

_MARGIN, _TOP, _BOTTOM, _GAP = 20, 64, 44, 16  # pixels around the panels, and between them
_MOST_FRUSTA = 9
_LEAST_EXTENT = 1.0  # units that a panel shows at least
_DEPTH = 0.16  # of a frustum, as a part of what a panel shows


@dataclass(frozen=True)
class Viewpoint:
    """A direction from which the path is seen: which axis goes to the right and which upwards."""

    words: str  # its name in the picture
    right: tuple[int, int]  # the axis (x, y, z) and its sign
    up: tuple[int, int]  # likewise

    def of(self, points: Array) -> Array:
        """`points` (n, 3) on the panel, (n, 2), in units."""
        return np.stack([sign * points[:, axis] for axis, sign in (self.right, self.up)], axis=1)


VIEWPOINTS = (
    Viewpoint("from above", right=(0, 1), up=(2, 1)),
    Viewpoint("from the right", right=(2, 1), up=(1, -1)),
    Viewpoint("from behind", right=(0, 1), up=(1, -1)),
)


def draw_path(track: Track, width: int, height: int) -> Image.Image:
    """The picture, `width` pixels wide and `height` high; later frames are darker."""
    canvas = Canvas(width, height)
    shown = evenly(len(track) - 1, min(_MOST_FRUSTA, len(track))) if len(track) > 1 else [0]
    centres = track.places()[:, :3, 3]
    extent = max(_LEAST_EXTENT, *np.ptp(centres, axis=0)) / (1 - 3 * _DEPTH)
    frusta = {frame: _frustum(track, frame, extent * _DEPTH) for frame in shown}
    middle = (np.min(centres, axis=0) + np.max(centres, axis=0)) / 2
    side = (width - 2 * _MARGIN - (len(VIEWPOINTS) - 1) * _GAP) / len(VIEWPOINTS)
    canvas.text(
        (_MARGIN, 20), f"Camera path over {len(track)} frames. Green: the first frame. Orange: the last frame.", INK, 15
    )
    for number, view in enumerate(VIEWPOINTS):
        left = _MARGIN + number * (side + _GAP)
        panel = _Panel(canvas, (left, _TOP, left + side, height - _BOTTOM), view, middle, extent)
        panel.draw(centres, frusta, len(track))
    return canvas.finish()


def _frustum(track: Track, frame: int, depth: float) -> Array:
    """The camera's centre and the four corners of what it sees `depth` units before it, (5, 3)."""
    fx, fy, cx, cy = track.lenses()[frame]
    corners = [((x - cx) / fx, (y - cy) / fy, 1.0) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]
    directions = np.array([(0.0, 0.0, 0.0), *corners])
    longest = np.linalg.norm(directions, axis=1).max()
    place = track.places()[frame]
    return directions * depth / longest @ place[:3, :3].T + place[:3, 3]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Panel:
    """One of the views."""

    canvas: Canvas  # what it is drawn on
    box: Box  # its edges on the canvas, in pixels
    side: Viewpoint  # from where it shows the path
    middle: Array  # (3,), of what it shows
    extent: float  # units that it shows, in both directions

    def draw(self, centres: Array, frusta: dict[int, Array], frames: int) -> None:
        left, top, *_ = self.box
        self.canvas.rectangle(self.box, outline=RULE)
        self.canvas.text((left, top - 10), self.side.words, PALE)
        self._scale()
        self.canvas.line(self._at(centres), RULE, 2)
        for frame, points in frusta.items():
            colour = tint(COLOURS[0], 0.35 + 0.65 * frame / max(frames - 1, 1))
            centre, *corners = self._at(points)
            self.canvas.line([*corners, corners[0]], colour, 1.5)
            for corner in corners:
                self.canvas.line([centre, corner], colour, 1)
            self.canvas.dot(centre, colour, 2)
        first, last = self._at(centres[[0, -1]])
        self.canvas.dot(first, COLOURS[2], 4)
        self.canvas.dot(last, COLOURS[1], 4)

    def _scale(self) -> None:
        """A bar with its length in units."""
        left, _, _, bottom = self.box
        units = round_step(self.extent, 4)
        length = units * self._pixels
        self.canvas.line([(left, bottom + 12), (left + length, bottom + 12)], PALE, 2)
        self.canvas.text((left + length + 8, bottom + 12), f"{units:g}", PALE)

    @property
    def _pixels(self) -> float:
        """Of a unit."""
        left, top, right, bottom = self.box
        return min(right - left, bottom - top) / self.extent

    def _at(self, points: Array) -> list[Point]:
        left, top, right, bottom = self.box
        places: Sequence[Sequence[float]] = self.side.of(points - self.middle).tolist()
        return [((left + right) / 2 + x * self._pixels, (top + bottom) / 2 - y * self._pixels) for x, y in places]
