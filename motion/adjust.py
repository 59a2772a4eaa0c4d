"""Motion models with other position tables and weights than their files have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from .host import HostMotion
from .layers import MotionModel
from .load import FILE
from .positions import PositionRule, TableChange

ADJUSTED = "kinema_adjusted"
"""Attachment key under which the patcher keeps the changes of its position tables, in their order."""


@dataclass(frozen=True)
class PositionAdjustment:
    """Takes rows out of a position table and resamples it, in the order of the fields. 0: that is left out."""

    stretch: int = 0  # rows that the table is resampled to have more
    initial_offset: int = 0  # rows that are dropped at its start
    cap: int = 0  # rows that are kept of what is left
    length: int = 0  # rows that these are resampled to
    final_offset: int = 0  # rows that are dropped at the start of the result

    @property
    def changes_tables(self) -> bool:
        return self != PositionAdjustment()

    def of(self, table: torch.Tensor) -> torch.Tensor:
        """What becomes of `table` (n, c)."""
        if self.stretch:
            table = resampled(table, len(table) + self.stretch)
        table = table[self.initial_offset :]
        if self.cap:
            table = table[: self.cap]
        if self.length and len(table):
            table = resampled(table, self.length)
        return table[self.final_offset :]


def resampled(table: torch.Tensor, rows: int) -> torch.Tensor:
    """`table` (n, c) with so many `rows`, linear between those that are there; row i is at (i + 1/2) n / rows - 1/2."""
    resized = F.interpolate(table.T[None], size=rows, mode="linear", align_corners=False)  # (1, c, rows)
    return resized[0].T


@dataclass(frozen=True)
class WeightAdjustment:
    """Makes each weight w of a part (w + add) * multiply."""

    part: str = "all"  # one of PARTS
    add: float = 0.0  # to every number of the weight, before the multiplication
    multiply: float = 1.0  # factor, after the addition

    @property
    def changes(self) -> bool:
        return self.add != 0 or self.multiply != 1

    @property
    def changes_tables(self) -> bool:
        return self.changes and self.part in ("all", "positions")

    def of(self, table: torch.Tensor) -> torch.Tensor:
        """What becomes of a position `table` (n, c)."""
        return (table + self.add) * self.multiply


@dataclass(frozen=True, kw_only=True)
class WeightsPart:
    """Some of the weights of a motion model."""

    has: Callable[[str], bool]  # of the name in a MotionModel
    words: str  # for the help page
    third: int | None = None  # which third of the fused matrices of queries, keys and values, if not all of them


PARTS: dict[str, WeightsPart] = {
    "all": WeightsPart(
        has=lambda name: True, words="All weights of the motion modules, including the positional encodings."
    ),
    "positions": WeightsPart(has=lambda name: False, words="The positional encodings, if the file stores any."),
    "attention": WeightsPart(
        has=lambda name: ".attention_blocks." in name,
        words="The queries, keys, values and outputs of the temporal attention.",
    ),
    "queries": WeightsPart(
        has=lambda name: ".to_qkv." in name, words="The queries of the temporal attention.", third=0
    ),
    "keys": WeightsPart(has=lambda name: ".to_qkv." in name, words="The keys of the temporal attention.", third=1),
    "values": WeightsPart(has=lambda name: ".to_qkv." in name, words="The values of the temporal attention.", third=2),
    "output weights": WeightsPart(
        has=lambda name: name.endswith(".to_out.0.weight"),
        words="The weights of the output projections of the temporal attention.",
    ),
    "output biases": WeightsPart(
        has=lambda name: name.endswith(".to_out.0.bias"),
        words="The biases of the output projections of the temporal attention.",
    ),
    "other": WeightsPart(
        has=lambda name: ".attention_blocks." not in name,
        words="Everything except temporal attention and positional encodings: norms, projections and feed-forward layers.",
    ),
}
"""The parts whose weights can be adjusted."""


def adjusted(motion: HostMotion, positions: PositionAdjustment, weights: WeightAdjustment) -> HostMotion:
    """A clone of `motion` (MOTION_MODEL) with these adjustments after those that it has. Files that store no positions keep
    the formula's. Raises ValueError where less than 2 positions would be left."""
    clone = motion.clone()
    spec = motion.model.spec
    if spec.stores_positions:
        changes = (*adjustments(motion), *(change for change in (positions, weights) if change.changes_tables))
        left = PositionRule(changes=changes).length(spec.max_frames)
        if left < 2:
            raise ValueError(
                f'Of the {spec.max_frames} positional encodings of "{motion.get_attachment(FILE)}", {left} would be left, but '
                "a motion model needs at least 2. Lower initial_offset or final_offset, or raise cap or length."
            )
        clone.set_attachments(ADJUSTED, changes)
    if weights.changes:
        patched = _patched(motion.model, PARTS[weights.part])
        added = {key: ("diff", (torch.ones(()).expand(shape),)) for key, shape in patched}
        clone.add_patches(added, weights.add * weights.multiply, weights.multiply)
    return clone


def _patched(model: MotionModel, part: WeightsPart) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """What the host patches of `model` (MotionModel) for `part`, and its shape: a weight, or a third of one."""
    for name, weight in model.state_dict().items():
        if ".motion_modules." not in name or not part.has(name):
            continue
        if part.third is None:
            yield name, tuple(weight.shape)
        else:
            rows = weight.shape[0] // 3
            yield (name, (0, part.third * rows, rows)), (rows, *weight.shape[1:])


def adjustments(motion: HostMotion) -> tuple[TableChange, ...]:
    """The changes of the position tables of `motion` (MOTION_MODEL), in their order."""
    return motion.get_attachment(ADJUSTED) or ()


def check_own_positions(motion: HostMotion, doing: str) -> None:
    """Raises ValueError where the position tables of `motion` (MOTION_MODEL) were adjusted; `doing` cannot take them in."""
    if adjustments(motion):
        raise ValueError(
            f'The positional encodings of "{motion.get_attachment(FILE)}" were adjusted, which {doing} does not support. '
            "Put Adjust Motion Model after this node."
        )
