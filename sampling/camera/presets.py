"""Named camera moves, as AnimateDiff tools have them: so much a frame, however long the video is."""

from dataclasses import dataclass

BASE_FRAMES = 16
"""Frames in which a preset with amount 1 covers the whole of its units."""


@dataclass(frozen=True, kw_only=True)
class CameraPreset:
    """A move along one of the axes of a CameraMove."""

    words: str  # for the help page
    axis: str = ""  # the field of CameraMove; empty: it does not move
    units: float = 0.0  # what it adds there in BASE_FRAMES frames


CAMERA_PRESETS: dict[str, CameraPreset] = {
    "none": CameraPreset(words="Only the numbers, curves and poses of the other inputs move the camera."),
    "move left": CameraPreset(axis="right", units=-1.5, words="The camera moves to the left without turning."),
    "move right": CameraPreset(axis="right", units=1.5, words="The camera moves to the right without turning."),
    "move up": CameraPreset(axis="up", units=1.5, words="The camera moves up without turning."),
    "move down": CameraPreset(axis="up", units=-1.5, words="The camera moves down without turning."),
    "move forward": CameraPreset(axis="forward", units=3.0, words="The camera moves forward, into the picture."),
    "move back": CameraPreset(axis="forward", units=-3.0, words="The camera moves back, away from the picture."),
    "turn left": CameraPreset(axis="turn", units=-60.0, words="The camera turns to the left without moving."),
    "turn right": CameraPreset(axis="turn", units=60.0, words="The camera turns to the right without moving."),
    "turn up": CameraPreset(axis="tilt", units=60.0, words="The camera looks up without moving."),
    "turn down": CameraPreset(axis="tilt", units=-60.0, words="The camera looks down without moving."),
    "roll clockwise": CameraPreset(
        axis="roll", units=60.0, words="The camera rolls clockwise around its viewing direction."
    ),
    "roll anticlockwise": CameraPreset(
        axis="roll", units=-60.0, words="The camera rolls anticlockwise around its viewing direction."
    ),
}
"""Units are those of RealEstate10K's poses for moves, and degrees for turns."""
