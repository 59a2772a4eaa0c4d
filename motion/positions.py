"""The sinusoidal position table that tells a motion module which frame is which (paper, section 4.1)."""

import math
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import torch
import torch.nn.functional as F


def sinusoid(length: int, width: int, start: int = 0) -> torch.Tensor:
    """Positions `start .. start + length - 1` as float32 rows of shape (length, width).

    pe[p, 2i] = sin(p·w_i), pe[p, 2i+1] = cos(p·w_i), w_i = 10000^(-2i/width). Every row has norm sqrt(width / 2),
    and a longer table begins with the shorter one.
    """
    position = torch.arange(start, start + length, dtype=torch.float64)[:, None]
    frequency = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10000.0) / width))
    angle = position * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)[:, :width].float()


class TableChange(Protocol):
    """An adjustment of a position table."""

    def of(self, table: torch.Tensor) -> torch.Tensor: ...


Beyond = Literal["refuse", "extend", "stretch"]


@dataclass(frozen=True)
class PositionRule:
    """Which rows of the table the frames of a window get.

    `beyond` is "refuse" (an error), "extend" (the sinusoid continues; the motion model never saw these positions) or
    "stretch" (the table's rows are interpolated linearly over the window).
    """

    beyond: Beyond = "refuse"  # what happens if offset + frames is more than the table has
    offset: int = 0  # positions by which all frames are shifted, 0 or more
    changes: tuple[TableChange, ...] = ()  # of the table, before anything is taken from it
    spread: int = 0  # the positions of so many frames are interpolated linearly over all; 0: each frame has its own

    def table(self, table: torch.Tensor) -> torch.Tensor:
        """What the changes make of `table` (n, c)."""
        for change in self.changes:
            table = change.of(table)
        return table

    def length(self, rows: int) -> int:
        """How many rows a table with so many `rows` has after the changes."""
        return len(self.table(torch.empty(rows, 1))) if self.changes else rows

    def rows(self, table: torch.Tensor, frames: int) -> torch.Tensor:
        """The positions of `frames` frames as rows (f, c) out of `table` (max_frames, c)."""
        if 0 < self.spread < frames:
            return interpolated(replace(self, spread=0).rows(table, self.spread), frames)
        table = self.table(table)
        needed = self.offset + frames
        if needed <= len(table):
            return table[self.offset : needed]
        if self.beyond == "extend":
            more = sinusoid(needed - len(table), table.shape[1], start=len(table)).to(table)
            return torch.cat([table, more])[self.offset :]
        if self.beyond == "stretch":
            return interpolated(table, needed)[self.offset :]
        raise ValueError(f"{needed} positions are needed, but the table has {len(table)}")


def interpolated(rows: torch.Tensor, count: int) -> torch.Tensor:
    """`rows` (n, c) as `count` rows (count, c): linearly between neighbours, from the first to the last."""
    stretched = F.interpolate(rows.T[None], size=count, mode="linear", align_corners=True)  # (1, c, count)
    return stretched[0].T


REFUSE = PositionRule()
