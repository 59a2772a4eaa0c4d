"""Which picture each frame of a context window sees, and what a window sees that has none."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .placement import Frame

PictureRows = tuple[int | None, ...]
"""For each frame of a window its picture; None: it has none."""


@dataclass(frozen=True)
class Video:
    """A whole video, and the pictures in it."""

    total: int  # frames
    placed: Mapping[Frame, int]  # frame: its picture
    nearest: bool = True  # whether a window without a picture sees the nearest one
    loops: bool = False  # whether windows go on from the last frame to the first

    def rows(self, window: Sequence[Frame]) -> PictureRows:
        """The pictures of the frames of `window`.

        One that has none sees the nearest at the end that is closer to it; where both ends are equally close, a single
        picture stands in the middle, of several one at each end.
        """
        rows: list[int | None] = [self.placed.get(frame) for frame in window]
        if not self.nearest or any(row is not None for row in rows):
            return tuple(rows)
        around = self.loops or any(after < before for before, after in pairwise(window))
        at_start = _Nearest.to(window[0], self.placed, self.total if around else None)
        at_end = _Nearest.to(window[-1], self.placed, self.total if around else None)
        if at_start.distance == at_end.distance and len(self.placed) == 1:
            rows[(len(rows) - 1) // 2] = self.placed[at_start.frame]
            return tuple(rows)
        if at_start.distance <= at_end.distance:
            rows[0] = self.placed[at_start.frame]
        if at_end.distance <= at_start.distance:
            rows[-1] = self.placed[at_end.frame]
        return tuple(rows)


@dataclass(frozen=True)
class _Nearest:
    """The frame with a picture that is nearest to a frame."""

    distance: int  # in frames
    frame: Frame  # the one with the picture

    @classmethod
    def to(cls, frame: Frame, placed: Collection[Frame], ring: int | None) -> "_Nearest":
        """In a video that is a `ring` of so many frames, also around its end."""
        apart = {other: abs(other - frame) for other in placed}
        if ring is not None:
            apart = {other: min(distance, ring - distance) for other, distance in apart.items()}
        nearest = min(sorted(apart), key=lambda other: apart[other])
        return cls(apart[nearest], nearest)
