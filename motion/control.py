"""What one model call wants of a motion module: how strong, how sharp its attentions, over which windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from .positions import REFUSE, PositionRule
from .spec import Statistics
from .windowed import FrameWindows

Value = float | torch.Tensor
"""A number, or a tensor (v*f, 1, h, w), of which each dimension but the first may be 1."""


@dataclass(frozen=True)
class Branch:
    """A low-rank change of a linear layer at run time: `strength` times `change(x)`, added to its outputs from `start`."""

    change: nn.Module
    start: int
    strength: Value


@dataclass(frozen=True)
class Control:
    """How a motion module acts.

    `strength` multiplies what it adds; `scales` the logits of each of its attentions; `enhance` is the temperature of
    Enhance-A-Video for each of them (None: off). `branches` are changes of its linear layers. Values have the height
    and width of the module's input, or 1.
    """

    strength: Value = 1.0
    norm: Statistics = "frame"
    rule: PositionRule = REFUSE
    windows: FrameWindows | None = None
    scales: tuple[Value, ...] = ()
    enhance: tuple[Value | None, ...] = ()
    branches: Mapping[nn.Module, Sequence[Branch]] = field(default_factory=dict)


PLAIN = Control()


@dataclass(frozen=True)
class Tokens:
    """The layout (b, f, c) in which a block works: b = v*h*w positions of pictures of `size` (h, w), f = `frames`; the
    positions times the windows where `windows` are seen."""

    videos: int
    frames: int
    size: tuple[int, int]
    windows: FrameWindows | None = None

    def of(self, value: Value) -> Value:
        """`value` (v*f, 1, h, w) as (b, f, 1)."""
        if not isinstance(value, torch.Tensor):
            return value
        whole = value.expand(-1, 1, *self.size).reshape(self.videos, self.frames, -1)  # (v, f, h*w)
        tokens = whole.transpose(1, 2).reshape(-1, self.frames, 1)  # (v*h*w, f, 1)
        return tokens if self.windows is None else tokens[:, self.windows.places].flatten(0, 1)

    def seen(self, windows: FrameWindows) -> "Tokens":
        return Tokens(self.videos, self.frames, self.size, windows)


def linear(layer: Any, x: torch.Tensor, control: Control, tokens: Tokens) -> torch.Tensor:
    """`layer(x)` for `x` (b, f, c), with the changes that `control` has for it."""
    out: torch.Tensor = layer(x)
    for branch in control.branches.get(layer, ()):
        change = branch.change(x) * tokens.of(branch.strength)
        out[..., branch.start : branch.start + change.shape[-1]] += change
    return out
