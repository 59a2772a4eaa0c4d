"""Curves: a number that varies over the frames, over the run, over the picture and over the blocks of the UNet.

Curves are plain, frozen data. A consumer asks once per model call, with the Moment of the call, and gets a number, or a
tensor that broadcasts over the latents of the call.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F

from ...motion.pooling import average_pooled
from ..call.moment import Curve, Moment, Part, PerFrame
from ..call.progress import is_within

Side = Literal["down", "mid", "up"]


@dataclass(frozen=True)
class Constant(Curve):
    """One number for everything."""

    value: float  # at all frames, steps, blocks and places of the picture

    def at(self, moment: Moment, part: Part | None = None) -> PerFrame:
        return self.value


@dataclass(frozen=True)
class Listed(Curve):
    """A value for each frame of the video; frames after the last value have that value."""

    values: tuple[float, ...]  # of frame 0, 1, 2 ...; at least one

    def at(self, moment: Moment, part: Part | None = None) -> PerFrame:
        return over_frames([self.values[min(i, len(self.values) - 1)] for i in moment.frames.indices])


@dataclass(frozen=True, eq=False)
class OverPicture(Curve):
    """A picture of values for each frame, resized to the latents; frames after the last picture have that picture."""

    values: torch.Tensor  # (m, h, w), in any size; one picture for each frame, or one for all

    def at(self, moment: Moment, part: Part | None = None) -> PerFrame:
        last = len(self.values) - 1
        rows = self.values[[min(i, last) for i in moment.frames.indices]] if last else self.values
        smaller = all(new <= old for new, old in zip(moment.size, rows.shape[1:], strict=True))
        if smaller:
            return average_pooled(rows[:, None], moment.size)  # (f, 1, h, w)
        return F.interpolate(rows[:, None], moment.size, mode="bilinear")  # (f, 1, h, w)


@dataclass(frozen=True)
class WithinRun(Curve):
    """1 in a part of the run, 0 outside of it."""

    start: float  # fraction of the run (0..1) at which the part starts
    end: float  # and at which it ends

    def at(self, moment: Moment, part: Part | None = None) -> PerFrame:
        run = moment.progress
        return float(run is None or is_within(self.start, self.end, run.sigma, run.model_sampling))


@dataclass(frozen=True)
class Blocks:
    """Which motion modules, and which attentions of each."""

    side: Side | None = None  # of the UNet; None: all
    level: int | None = None  # from 0, in the order of the UNet's blocks on that side; None: all
    module: int | None = None  # from 0 within the level; None: all
    attention: int | None = None  # of each module: 0 or 1; None: both

    def hold(self, part: Part) -> bool:
        side, _, rest = part.place.partition("_block")
        numbers = [int(word) for word in rest.split(".") if word.isdigit()]
        level, module = (0, *numbers)[-2:]
        mine, asked = (self.side, self.level, self.module, self.attention), (side, level, module, part.attention)
        return all(a is None or a == b for a, b in zip(mine, asked, strict=True))


@dataclass(frozen=True)
class OverBlocks(Curve):
    """Another curve for each of some blocks; 1 for the others."""

    rules: tuple[tuple[Blocks, Curve], ...]  # blocks and their curve; the last rule that fits takes precedence
    over_blocks = True

    def at(self, moment: Moment, part: Part | None = None) -> PerFrame:
        if part is None:
            raise ValueError(
                "A curve over blocks is connected to an input that has one value for the whole UNet. Use it for the "
                "strength or attention of Apply Motion Model or for a motion LoRA; here, use a curve over frames or steps."
            )
        return next((curve.at(moment, part) for blocks, curve in reversed(self.rules) if blocks.hold(part)), 1.0)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One way to combine two curves."""

    compute: Callable[[Any, Any], Any]  # from their values, numbers or tensors, to the combined value
    words: str  # for the help page


OPERATIONS: dict[str, Operation] = {
    "multiply": Operation(
        compute=operator.mul, words="The product of both values, e.g. to weaken one curve where the other is below 1."
    ),
    "add": Operation(compute=operator.add, words="The sum of both values."),
    "subtract": Operation(compute=operator.sub, words="The difference of the values: a minus b."),
    "minimum": Operation(
        compute=lambda a, b: torch.minimum(torch.as_tensor(a), torch.as_tensor(b)), words="The lower of the two values."
    ),
    "maximum": Operation(
        compute=lambda a, b: torch.maximum(torch.as_tensor(a), torch.as_tensor(b)),
        words="The higher of the two values.",
    ),
}


@dataclass(frozen=True)
class Combined(Curve):
    """Two curves by one of OPERATIONS."""

    operation: str  # one of OPERATIONS
    a: Curve  # the left operand
    b: Curve  # the right operand

    @property
    def over_blocks(self) -> bool:  # type: ignore[override]
        return self.a.over_blocks or self.b.over_blocks

    def at(self, moment: Moment, part: Part | None = None) -> PerFrame:
        return plain(OPERATIONS[self.operation].compute(self.a.at(moment, part), self.b.at(moment, part)))


def as_curve(value: float | Curve) -> Curve:
    """A number is a curve too."""
    return value if isinstance(value, Curve) else Constant(float(value))


def over_frames(values: Sequence[float]) -> PerFrame:
    """One number for each frame of a call, as a PerFrame."""
    if all(value == values[0] for value in values):
        return float(values[0])
    return torch.tensor(values, dtype=torch.float32)[:, None, None, None]


def plain(value: PerFrame) -> PerFrame:
    """`value`, as a number where all of it is the same."""
    if not isinstance(value, torch.Tensor):
        return float(value)
    first = value.flatten()[0]
    return float(first) if bool((value == first).all()) else value


def value_at(curve: float | Curve, moment: Moment, part: Part | None = None) -> PerFrame:
    """The value of a number or a curve at `moment`, as a plain number wherever it does not vary. Where frames have noise
    levels of their own, each gets the value at its own."""
    if not isinstance(curve, Curve):
        return float(curve)
    return plain(_frame_by_frame(curve, moment, part) if moment.each else curve.at(moment, part))


def limited(curve: float | Curve, start: float, end: float, moment: Moment) -> float | Curve:
    """`curve` as it acts at `moment` of a run, of which it acts only in the part from `start` to `end`; 0 elsewhere."""
    if moment.each and (start > 0 or end < 1):
        return Combined("multiply", as_curve(curve), WithinRun(start, end))
    run = moment.progress
    return curve if run is None or is_within(start, end, run.sigma, run.model_sampling) else 0.0


def _frame_by_frame(curve: Curve, moment: Moment, part: Part | None) -> torch.Tensor:
    values = [torch.as_tensor(curve.at(one, part), dtype=torch.float32) for one in moment.apart()]
    shape = torch.broadcast_shapes((1, 1, 1, 1), *(value.shape for value in values))
    return torch.cat([value.expand(shape) for value in values])  # (f, 1, h, w)
