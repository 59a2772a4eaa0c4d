"""How much each frame of a video resembles the picture that PIA animates (Zhang et al., "PIA", 3.2).

A table gives the affinity by the distance from the picture's frame. The less there is, the more moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

LEAST = 0.2
"""Affinity halfway between two pictures, and the lowest in training."""


@dataclass(frozen=True, kw_only=True)
class MotionAmount:
    """One of the authors' tables."""

    table: tuple[float, ...]  # affinity at distance 0, 1, ... frames; the last goes on, except in a loop
    words: str  # for the help page
    loops: bool = False  # whether it is for 16 frames that end as they begin


def _times(value: float, count: int) -> tuple[float, ...]:
    return (value,) * count


MOTION_AMOUNTS: dict[str, MotionAmount] = {
    "small": MotionAmount(
        table=(1.0, 0.9, *_times(0.85, 3), 0.8),
        words="The frames stay close to the picture.",
    ),
    "moderate": MotionAmount(
        table=(1.0, *_times(0.8, 3), 0.79, 0.78, 0.75),
        words='More motion than "small".',
    ),
    "large": MotionAmount(
        table=(1.0, 0.8, *_times(0.7, 8), 0.6, 0.5, 0.5),
        words="The most motion. Later frames may no longer resemble the picture.",
    ),
    "small loop": MotionAmount(
        table=(1.0, 0.9, *_times(0.85, 3), *_times(0.8, 7), 0.85, 0.85, 0.9, 1.0),
        words="Little motion; the video ends where it began.",
        loops=True,
    ),
    "moderate loop": MotionAmount(
        table=(1.0, *_times(0.8, 3), 0.79, 0.78, *_times(0.75, 5), 0.78, 0.79, 0.8, 0.8, 1.0),
        words='More motion than "small loop"; the video ends where it began.',
        loops=True,
    ),
    "large loop": MotionAmount(
        table=(1.0, 0.8, *_times(0.7, 4), 0.6, 0.5, 0.5, 0.6, *_times(0.7, 4), 0.8, 1.0),
        words="The most motion; the video ends where it began.",
        loops=True,
    ),
    "style small": MotionAmount(
        table=(0.5, *_times(0.4, 3), 0.35, 0.3),
        words="Little motion, and the style of the checkpoint rather than that of the picture.",
    ),
    "style moderate": MotionAmount(
        table=(0.5, *_times(0.4, 3), 0.35, 0.35, 0.3, 0.25, 0.2),
        words='More motion than "style small", in the style of the checkpoint.',
    ),
    "style large": MotionAmount(
        table=(0.5, 0.2),
        words="The most motion, in the style of the checkpoint. The picture is only a hint.",
    ),
}
DEFAULT_MOTION = "small"


def affinities(motion: str, frames: int, at: int) -> list[float]:
    """The affinity of each of `frames` to a picture at frame `at`, by one of MOTION_AMOUNTS. A loop goes round, so that
    the last frame and the first are next to each other wherever the picture is."""
    amount = MOTION_AMOUNTS[motion]
    if amount.loops:
        ring = _ring(amount.table, frames)
        return [ring[(frame - at) % frames] for frame in range(frames)]
    last = len(amount.table) - 1
    return [amount.table[min(abs(frame - at), last)] for frame in range(frames)]


def _ring(table: Sequence[float], frames: int) -> Sequence[float]:
    """The `table` of a loop for another number of frames: its first half, which stays at its last value as long as
    needed, and the same backwards. The authors' rule would repeat the table's end, a still picture."""
    if frames == len(table):
        return table
    half = table[: len(table) // 2]
    there = [half[min(i, len(half) - 1)] for i in range(ceil(frames / 2))]
    back = there[: frames // 2]
    return [*there, *reversed(back)]


def spread(count: int, frames: int) -> list[int]:
    """The frames of `count` pictures, evenly from the first of `frames` to the last."""
    return [i * (frames - 1) // max(1, count - 1) for i in range(count)]


def nearest(places: Sequence[int], frames: int) -> list[int]:
    """Which of the pictures at the frames `places` is nearest to each of `frames`; of two, the earlier."""
    return [min(range(len(places)), key=lambda i: abs(places[i] - frame)) for frame in range(frames)]


def between(places: Sequence[int], frames: int) -> list[float]:
    """The affinity of each of `frames` to the nearest of several pictures: 1 at a picture, falling evenly to LEAST at the
    frame that is the farthest from all (the authors' helper for several pictures)."""
    distances = [min(abs(place - frame) for place in places) for frame in range(frames)]
    farthest = max(1, *distances)
    return [1 - (1 - LEAST) * distance / farthest for distance in distances]
