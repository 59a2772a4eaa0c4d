"""Camera paths: what the nodes say of a camera, as frozen data, and the track that this is in a video."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from ..call.frames import Frames
from ..call.moment import Curve, Moment
from ..curves.curve import Combined, value_at
from ..curves.curve_keys import OverRun
from .pose_text import WrittenPose
from .presets import BASE_FRAMES, CAMERA_PRESETS
from .track import Array, Track

Along = Literal["the first view", "the camera"]
Fit = Literal["stretch", "as in the file"]
AXES = ("right", "up", "forward", "turn", "tilt", "roll")


@dataclass(frozen=True)
class CameraMove:
    """One move of a camera. A number is reached at the last frame, a curve has the values of all frames; all of its parts
    act together, on top of its poses."""

    preset: str = "none"  # one of CAMERA_PRESETS
    amount: float | Curve = 1.0  # speed of the preset
    right: float | Curve = 0.0  # units, as right, up and forward
    up: float | Curve = 0.0  # units
    forward: float | Curve = 0.0  # units
    turn: float | Curve = 0.0  # degrees to the right
    tilt: float | Curve = 0.0  # degrees upwards
    roll: float | Curve = 0.0  # degrees clockwise, as the camera turns
    zoom: float | Curve = 1.0  # factor of the focal length
    along: Along = "the first view"  # the axes in which it moves
    poses: tuple[WrittenPose, ...] = ()  # written poses, which the other parts are added to; empty: none
    fit: Fit = "stretch"  # how the poses are spread over the frames
    frames: int = 0  # that it takes; 0: its share of the video


@dataclass(frozen=True)
class Joined:
    """A path, and then a move from its last pose on."""

    before: "CameraPath"  # the path that comes first
    move: CameraMove  # begins at the last pose of the path

    @property
    def frames(self) -> int:
        return self.before.frames + self.move.frames if self.before.frames and self.move.frames else 0


@dataclass(frozen=True)
class Layered:
    """A path, and at the same time a move on top of it, from where the camera is."""

    below: "CameraPath"  # the path that the move is added to
    move: CameraMove  # at the same time as the path

    @property
    def frames(self) -> int:
        return max(self.below.frames, self.move.frames) if self.below.frames and self.move.frames else 0


CameraPath = CameraMove | Joined | Layered


def track_of(path: CameraPath, frames: int) -> Track:
    """The track of `path` in a video of `frames`. Raises ValueError where its parts do not fit into the video."""
    parts = _parts(path)
    lengths = _lengths([part.frames for part in parts], frames)
    track = _track(parts[0], lengths[0])
    for part, length in zip(parts[1:], lengths[1:], strict=True):
        track = _track(part, length + 1).after(track)
    return track.at(np.arange(frames))


def beyond_video(path: CameraPath, frames: int) -> list[str]:
    """Sentences about what of `path` lies beyond the end of a video of `frames`."""
    sentences = []
    if path.frames > frames:
        sentences.append(
            f"The camera path takes {path.frames} frames, but the video has {frames}: the rest of the path is not reached."
        )
    for move in _moves(path):
        most = move.frames or frames
        if move.fit == "as in the file" and len(move.poses) > most:
            sentences.append(
                f"Of the {len(move.poses)} poses of a camera path, only the first {most} are used, one for each frame."
            )
    return sentences


def _moves(path: CameraPath) -> list[CameraMove]:
    if isinstance(path, Joined):
        return [*_moves(path.before), path.move]
    return [*_moves(path.below), path.move] if isinstance(path, Layered) else [path]


def _parts(path: CameraPath) -> list[CameraPath]:
    """The paths that come one after the other in `path`."""
    return [*_parts(path.before), path.move] if isinstance(path, Joined) else [path]


def _lengths(asked: Sequence[int], frames: int) -> list[int]:
    """The frames of parts that ask for so many of `frames`; those that ask for 0 share what is left equally."""
    sharing = asked.count(0)
    left = frames - sum(asked)
    if sharing and left < sharing:
        raise ValueError(
            f"The camera path needs at least {sum(asked) + sharing} frames, but the video has {frames}. Set frames of the "
            "Camera Path nodes to smaller numbers, or to 0 for equal shares."
        )
    ends = [round(left * k / sharing) for k in range(sharing + 1)] if sharing else []
    shares = iter(np.diff(ends).tolist())
    return [length or next(shares) for length in asked]


def _track(path: CameraPath, frames: int) -> Track:
    if isinstance(path, Layered):
        return (
            _move(path.move, path.move.frames or frames).at(np.arange(frames)).on_top_of(track_of(path.below, frames))
        )
    return _move(path, frames) if isinstance(path, CameraMove) else track_of(path, frames)


def _move(move: CameraMove, frames: int) -> Track:
    values = {axis: _values(getattr(move, axis), frames) for axis in AXES}
    preset = CAMERA_PRESETS[move.preset]
    if preset.axis:
        values[preset.axis] = values[preset.axis] + preset.units * _travelled(move.amount, frames)
    turns = np.stack([-values["roll"], -values["turn"], -values["tilt"]], axis=1)
    rotation = Rotation.from_euler("ZYX", turns, degrees=True).as_matrix()
    centres = np.stack([values["right"], -values["up"], values["forward"]], axis=1)
    poses = np.tile(np.eye(4), (frames, 1, 1))
    poses[:, :3, :3] = rotation
    poses[:, :3, 3] = -centres if move.along == "the camera" else -np.einsum("nij,nj->ni", rotation, centres)
    track = Track(poses, _zooms(move.zoom, frames))
    return track.on_top_of(_written(move, frames)) if move.poses else track


def _values(value: float | Curve, frames: int) -> Array:
    """The values (n,) of one axis; a number is reached evenly."""
    return _over_frames(value, frames) if isinstance(value, Curve) else value * _way(frames)


def _zooms(zoom: float | Curve, frames: int) -> Array:
    """The same for the focal length; a number is reached by equal factors."""
    values = _over_frames(zoom, frames) if isinstance(zoom, Curve) else np.array([zoom])
    if (values <= 0).any():
        raise ValueError(f"zoom is {values.min():g}, but must be greater than 0. Use numbers such as 0.5.")
    return values if isinstance(zoom, Curve) else zoom ** _way(frames)


def _way(frames: int) -> Array:
    """How much of the way to the last frame each frame has gone."""
    return np.arange(frames) / max(frames - 1, 1)


def _travelled(amount: float | Curve, frames: int) -> Array:
    """How much of a preset's units has been covered at each frame, at the speed `amount`."""
    if not isinstance(amount, Curve):
        return np.arange(frames) * amount / BASE_FRAMES
    speeds = _over_frames(amount, frames)
    return np.concatenate([[0.0], np.cumsum(speeds[:-1])]) / BASE_FRAMES


def _over_frames(curve: Curve, frames: int) -> Array:
    if _is_over_steps(curve):
        raise ValueError(
            "A camera path is the same at all steps of the run, but a curve over steps is connected to it. Use a curve over "
            "frames here; the strength of Load CameraCtrl can vary over steps."
        )
    value = value_at(curve, Moment(Frames(frames, tuple(range(frames)), frames)))
    return np.full(frames, value, dtype=np.float64) if isinstance(value, float) else value.flatten().double().numpy()


def _is_over_steps(curve: Curve) -> bool:
    if isinstance(curve, Combined):
        return _is_over_steps(curve.a) or _is_over_steps(curve.b)
    return isinstance(curve, OverRun)


def _written(move: CameraMove, frames: int) -> Track:
    """The poses of `move` in `frames`, relative to the first of them."""
    count = len(move.poses)
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3] = np.array([written.pose for written in move.poses]).reshape(-1, 3, 4)  # (n, 3, 4)
    relative = poses @ np.linalg.inv(poses[:1])
    lens = np.array([written.lens for written in move.poses])
    track = Track(relative, np.ones(count), lens)
    if move.fit == "as in the file" or frames == count or count == 1:
        return track.at(np.arange(frames))
    return _stretched(track, np.arange(frames) * (count - 1) / max(frames - 1, 1))


def _stretched(track: Track, at: Array) -> Track:
    """`track` at the places `at` (m,) between its frames: the camera goes and turns evenly from one to the next."""
    known = np.arange(len(track))
    assert track.lens is not None  # as written poses have one
    centres = np.linalg.inv(track.poses)[:, :3, 3]
    between = np.stack([np.interp(at, known, axis) for axis in centres.T], axis=1)
    turns = Slerp(known, Rotation.from_matrix(track.poses[:, :3, :3]))(at).as_matrix()
    poses = np.tile(np.eye(4), (len(at), 1, 1))
    poses[:, :3, :3] = turns
    poses[:, :3, 3] = -np.einsum("nij,nj->ni", turns, between)
    lens = np.stack([np.interp(at, known, column) for column in track.lens.T], axis=1)
    return Track(poses, np.ones(len(at)), lens)
