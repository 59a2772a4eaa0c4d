"""What of a curve a run does not reach: values at frames and steps that it does not have."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from .curve import Listed, OverPicture
from .curve_keys import OverFrames, OverRun


def outside_run(value: Any, frames: int, steps: int | None) -> list[str]:
    """Sentences about the curves in `value` (a curve, or a frozen value that contains curves) for a run of so many `frames`
    and `steps`, each once; None: the number of steps is not known."""
    return list(dict.fromkeys(_sentences(value, frames, steps)))


def _sentences(value: Any, frames: int, steps: int | None) -> Iterator[str]:
    if isinstance(value, OverFrames):
        for key in value.keys:
            if not 0 <= key.frame(frames) < frames:
                end = f"the last frame is {frames - 1}" if key.at >= 0 else f"the first frame is {-frames}"
                yield f"The value of a curve at frame {key.at:g} is not reached: {end}."
    elif isinstance(value, OverRun):
        for key in value.keys:
            if steps is not None and not key.is_share and not -steps <= key.at < steps:
                end = f"the last step is {steps - 1}" if key.at >= 0 else f"the first step is {-steps}"
                yield f"The value of a curve at step {key.at:g} is not reached: {end}."
    elif isinstance(value, Listed) and len(value.values) > frames:
        yield f"Of the {len(value.values)} values of a curve, only the first {frames} are used, one for each frame."
    elif isinstance(value, OverPicture) and len(value.values) > frames:
        yield f"Of the {len(value.values)} masks of a curve, only the first {frames} are used, one for each frame."
    elif is_dataclass(value):
        for field in fields(value):
            yield from _sentences(getattr(value, field.name), frames, steps)
    elif isinstance(value, tuple):
        for item in value:
            yield from _sentences(item, frames, steps)
