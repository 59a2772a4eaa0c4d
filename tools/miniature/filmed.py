"""Clips of the world by a camera on a path: the world is a flat picture that stands before the first frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np

from kinema.sampling.camera.path import CameraMove, track_of
from kinema.sampling.camera.rays import in_pixels

from . import world
from .world import Scene

DISTANCE = 4.0  # units from the first camera to the world, as the node Plot Camera Path assumes
FURTHEST = 0.8  # units to the side and upwards: about 22 pixels, what the presets do at amount 0.57
NEAREST = 1.3  # units forward and back: magnifications from 0.75 to 1.48
STILL = 0.1  # the share of cameras that do not move
ALONE = 0.5  # the share of the others that move along one axis only
AXES = ("right", "up", "forward")
SEEN = 0.75  # of half a fish's length and height has to be inside the picture


def filmed(shown: Scene, move: CameraMove) -> Scene:
    """`shown` by a camera that makes this `move`."""
    track = track_of(move, shown.frames)
    centres = track.places()[:, :3, 3]
    focal = in_pixels(track.lenses()[0].tolist(), world.SIZE, world.SIZE)[0]
    pan = centres[:, :2] * focal / DISTANCE
    zoom = DISTANCE / (DISTANCE - centres[:, 2])
    return replace(shown, pan=pan.astype(np.float32), zoom=zoom.astype(np.float32))


def any_move(seed: int) -> CameraMove:
    """A move along one axis or all three, or none."""
    rng = np.random.default_rng([seed, 3])
    if rng.random() < STILL:
        return CameraMove()
    amounts = rng.uniform(-1, 1, 3) * (FURTHEST, FURTHEST, NEAREST)
    if rng.random() < ALONE:
        amounts *= np.arange(3) == rng.integers(3)
    return CameraMove(**dict(zip(AXES, amounts.tolist(), strict=True)))


def clip_by(seed: int, move: CameraMove, frames: int = 16) -> Scene:
    """The first scene from `seed` on whose fish stays in the picture of a camera that makes this `move`."""
    return next(shown for shown in _scenes(seed, move, frames) if _stays_inside(shown))


def _scenes(seed: int, move: CameraMove, frames: int) -> Iterator[Scene]:
    for number in count():
        yield filmed(world.scene(seed * 1000 + number, frames), move)


def _stays_inside(shown: Scene) -> bool:
    half = SEEN * shown.scale * np.array([world.HALF_LENGTH, world.HALF_HEIGHT]) * shown.zoom[:, None]
    centres = shown.seen()
    return bool(np.all(centres >= half) and np.all(centres <= world.SIZE - half))
