"""What the detector finds wrong in the frames of a help picture's row: a second fish, another colour, the wrong way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..miniature import detector
from ..miniature.detector import Fish
from .graphs import Row

Frames = NDArray[np.uint8]  # (frames, 128, 128, 3)

PAINT = 0.85  # share of a fish's pixels that have its colour; drawn fish have 0.89 or more
OTHERS = 90  # pixels of a second fish, or of a part that has come off; drawn fish have 4 at most
LONGEST = 2.3  # a fish's length over its height, where two have grown together; drawn fish have 1.84 at most
SLOWEST = 0.8  # pixels per frame
ALIKE = 2.0  # percent of the value range: rows whose pixels differ by less show no difference
JITTER = 3.0  # pixels off a smooth path
SIZE_JITTER = 0.1  # of the fish's size, relative


@dataclass(frozen=True)
class Judged:
    """One row."""

    faults: tuple[str, ...]  # in words; none for a good row
    cost: float  # for comparing seeds: 0 is best, about 1 for each frame with a fault


def judge(frames: Frames, prompts: Sequence[str], swims: bool = True) -> Judged:
    """Every frame should show a fish of one of the `prompts`, alone; a fish that `swims` keeps to a smooth path."""
    faults = list[str]()
    for number, frame in enumerate(frames):
        fish = detector.find(frame)
        wrong = "no fish" if fish is None else _wrong(fish, prompts)
        if wrong:
            faults.append(f"frame {number}: {wrong}")
    seen = detector.watch(frames)
    cost = float(len(faults))
    if swims:
        travel = [fault for fault in _travel(seen, prompts[0]) if fault]
        faults += travel
        cost += 3 * len(travel) + 0.3 * seen.jitter + 5 * seen.size_jitter
    return Judged(tuple(faults), cost)


def _wrong(fish: Fish, prompts: Sequence[str]) -> str:
    if not any(fish.colour in prompt and fish.background in prompt for prompt in prompts):
        return f"a {fish.colour} fish in the {fish.background}"
    if not any(fish.direction in prompt for prompt in prompts):
        return f"it faces {fish.direction}"
    if fish.paint < PAINT and len(prompts) == 1:  # between two prompts, colours mix
        return f"{100 * (1 - fish.paint):.0f} % of it has another colour"
    if fish.others > OTHERS:
        return f"a second fish of {fish.others} pixels"
    return "two fish in one" if fish.width > LONGEST * fish.height else ""


def _travel(seen: detector.Swim, prompt: str) -> tuple[str, ...]:
    return (
        "" if seen.moving in prompt and abs(seen.speed) >= SLOWEST else f"swims {seen.speed:.1f} pixels per frame",
        "" if seen.jitter <= JITTER else f"{seen.jitter:.1f} pixels off a smooth path",
        "" if seen.size_jitter <= SIZE_JITTER else f"its size varies by {100 * seen.size_jitter:.0f} %",
    )


def faults_of_rows(rows: Sequence[Row], made: Sequence[Frames]) -> list[str]:
    """What is wrong in a picture's rows, each line with the row's number."""
    found = list[str]()
    for number, (row, frames) in enumerate(zip(rows, made, strict=True)):
        if len(frames) > 1 and row.prompts:
            found += [f"row {number}, {fault}" for fault in judge(frames, row.prompts, row.swims).faults]
        for above in range(number):
            difference = _difference(made[above], frames)
            if len(frames) > 1 and difference < ALIKE:
                found.append(f"row {number} differs from row {above} by {difference:.2f} %")
    return found


def _difference(first: Frames, second: Frames) -> float:
    """Mean over all pixels, percent of the value range; of plots and others that do not match, 100."""
    if first.shape != second.shape:
        return 100.0
    return float(np.abs(first.astype(float) - second).mean() / 2.55)
