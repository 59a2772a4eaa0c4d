"""Curves through keys: values at frames or steps, and the ways between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..call.moment import Curve, Moment, Part, PerFrame
from ..call.progress import Progress, percent_of
from .curve import over_frames
from .easings import WAYS


@dataclass(frozen=True)
class Key:
    """A value, where it is reached, and the way to it."""

    at: float  # frame or step, from 0; negative: from the end; a share: 0..1 of the whole
    is_share: bool  # whether `at` is a share, not a number of frames or steps
    value: float  # of the curve there
    easing: str = "linear"  # one of WAYS, from the key before to this one

    def frame(self, total: int) -> float:
        """The frame it stands for in a video of `total`; a share of 1 is the last."""
        if self.is_share:
            return min(int(self.at * total), total - 1)
        return self.at + total if self.at < 0 else self.at


@dataclass(frozen=True)
class OverFrames(Curve):
    """Through `keys`, in the order of their frames; the first and the last value go on to both ends."""

    keys: tuple[Key, ...]  # at least one, in any order

    def at(self, moment: Moment, part: Part | None = None) -> PerFrame:
        frames = moment.frames
        path = sorted(((key.frame(frames.total), key) for key in self.keys), key=lambda stop: stop[0])
        return over_frames([_on(path, frame) for frame in frames.indices])


@dataclass(frozen=True)
class OverRun(Curve):
    """Through `keys` over the run: numbers are steps of the sampler, shares are the host's percents."""

    keys: tuple[Key, ...]  # at least one, in any order

    def at(self, moment: Moment, part: Part | None = None) -> PerFrame:
        run = moment.progress
        if run is None:
            return min(self.keys, key=lambda key: (key.at < 0, key.at)).value
        path = sorted(((_level(key, run), key) for key in self.keys), key=lambda stop: -stop[0])
        passed = sum(run.has_reached(level) for level, _ in path)
        if passed in (0, len(path)):
            return path[max(passed - 1, 0)][1].value
        level, before = path[passed - 1]
        next_level, after = path[passed]
        start = _percent(before, level, run)
        end = _percent(after, next_level, run)
        return _between(before, after, (run.percent - start) / max(end - start, 1e-6))


def _level(key: Key, run: Progress) -> float:
    """The noise level at which a run reaches `key`."""
    if key.is_share:
        return float(run.model_sampling.percent_to_sigma(key.at))
    step = int(key.at) + (len(run.levels) if key.at < 0 else 0)
    return run.levels[max(step, 0)] if step < len(run.levels) else 0.0


def _percent(key: Key, level: float, run: Progress) -> float:
    return key.at if key.is_share else percent_of(level, run.model_sampling)


def _on(path: Sequence[tuple[float, Key]], x: float) -> float:
    """The value at `x` of the `path`, whose stops rise."""
    for (start, before), (end, after) in pairwise(path):
        if x < end:
            return _between(before, after, (x - start) / (end - start))
    return path[-1][1].value


def _between(before: Key, after: Key, part: float) -> float:
    """The value after a `part` (clamped to 0..1) of the way between two keys."""
    return before.value + (after.value - before.value) * WAYS[after.easing].curve(min(max(part, 0.0), 1.0))
