"""Where a camera is in each frame of a video, as plain arrays.

Axes: x to the right, y down, z forward. A pose maps points of the world to the camera: x_camera = R·x + t.
"""

from dataclasses import dataclass, replace

import numpy as np

SAMPLE_LENS = (0.474812461, 0.844111024, 0.5, 0.5)
"""Focal lengths and centre of the authors' samples, as parts of the width and height of a 16:9 picture."""

Array = np.ndarray
"""Of float64."""


@dataclass(frozen=True)
class Track:
    """A camera in n frames."""

    poses: Array  # (n, 4, 4), from the world to the camera
    zoom: Array  # (n,), factors of the focal length
    lens: Array | None = None  # (n, 4) as SAMPLE_LENS; None: it is that

    def __len__(self) -> int:
        return len(self.poses)

    def lenses(self) -> Array:
        """The lens of each frame with its zoom, (n, 4)."""
        lens = np.tile(SAMPLE_LENS, (len(self), 1)) if self.lens is None else self.lens
        factors = np.stack([self.zoom, self.zoom, np.ones(len(self)), np.ones(len(self))], axis=1)
        return lens * factors  # type: ignore[no-any-return]

    def at(self, frames: Array) -> "Track":
        """The same in `frames` (n,); those beyond its end are as its last."""
        held = np.minimum(frames, len(self) - 1)
        return Track(self.poses[held], self.zoom[held], None if self.lens is None else self.lens[held])

    def on_top_of(self, other: "Track") -> "Track":
        """What the camera does when it moves so, seen from where it is in `other`, frame by frame."""
        lens = self.lens if other.lens is None else other.lens
        return Track(self.poses @ other.poses, self.zoom * other.zoom, lens)

    def after(self, other: "Track") -> "Track":
        """`other` and then this, from the last pose of `other` on; the first pose of this is not repeated."""
        last = other.at(np.full(len(self), len(other) - 1))
        relative = replace(self, poses=self.poses @ np.linalg.inv(self.poses[:1]), zoom=self.zoom / self.zoom[:1])
        later = relative.on_top_of(last).at(np.arange(1, len(self)))
        if self.lens is not None:
            later = replace(later, lens=self.lens[1:])
        return other.then(later)

    def then(self, later: "Track") -> "Track":
        """The frames of this, then those of `later`."""
        lens = None
        if self.lens is not None or later.lens is not None:
            parts = (np.tile(SAMPLE_LENS, (len(t), 1)) if t.lens is None else t.lens for t in (self, later))
            lens = np.concatenate(list(parts))
        poses = np.concatenate([self.poses, later.poses])
        return Track(poses, np.concatenate([self.zoom, later.zoom]), lens)

    def places(self) -> Array:
        """Each frame's camera in the axes of the first, (n, 4, 4) from the camera to these."""
        places = self.poses[0] @ np.linalg.inv(self.poses)
        places[0] = np.eye(4)
        return places  # type: ignore[no-any-return]

    def closes(self) -> bool:
        """Whether the first frame may follow the last: that step is no larger than the largest between neighbours."""
        following = np.arange(1, len(self) + 1) % len(self)
        steps = self.poses[following] @ np.linalg.inv(self.poses)
        centres = np.linalg.norm(steps[:, :3, 3], axis=1)
        turns = np.linalg.norm(steps[:, :3, :3] - np.eye(3), axis=(1, 2))
        zooms = np.abs(np.log(self.zoom[following] / self.zoom))
        return all(sizes[-1] <= ALMOST * max(sizes[:-1], default=0) + TINY_STEP for sizes in (centres, turns, zooms))


ALMOST = 1.01
TINY_STEP = 1e-6
"""What rounding may add to a step."""
