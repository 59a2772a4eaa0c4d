"""Motion LoRAs as layers of their own, beside the motion model's: for strengths that vary within a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.ops
import torch
from torch import nn

from .host import HostMotion, HostPatcher
from .keys import place_of
from .load import patch
from .lora import LowRank, load_changes, rows_of
from .spec import MotionSpec

LORAS = "kinema_loras"
"""Attachment key of a MOTION_MODEL for its motion LoRAs with curves, (patcher of a MotionLora, strength) each; they are
among the additional models of a MODEL by the same key."""


class LowRankLayer(nn.Module):
    """up(down(x)) · alpha / rank, for `x` (..., columns) to (..., rows)."""

    def __init__(self, change: LowRank, ops: Any) -> None:
        super().__init__()
        rank, columns = change.down.shape
        self.down = ops.Linear(columns, rank, bias=False, device="meta")
        self.up = ops.Linear(rank, change.up.shape[0], bias=False, device="meta")
        self.load_state_dict({"down.weight": change.down, "up.weight": change.up}, assign=True)
        self.scale = 1.0 if change.alpha is None else change.alpha / rank

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.up(self.down(x)) * self.scale  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Change:
    """What a motion LoRA adds to a layer of a motion module."""

    layer: str  # its name in the motion module
    start: int  # the first of its outputs that changes
    attention: int | None  # number of the attention that it is in; None: it is in none
    module: LowRankLayer  # low-rank layer: from the inputs of the layer to the outputs that change


class MotionLora(nn.Module):
    """All changes of one motion LoRA, for a motion model of `spec`."""

    def __init__(self, spec: MotionSpec, changes: Mapping[str, LowRank], name: str, ops: Any) -> None:
        super().__init__()
        layers = [LowRankLayer(change, ops) for change in changes.values()]
        self.layers = nn.ModuleList(layers)
        self._at: dict[str, list[Change]] = {}
        for (layer, change), module in zip(changes.items(), layers, strict=True):
            rows = rows_of(spec, layer, change, name)
            place = place_of(layer)
            inside = rows.layer.removeprefix(f"{place}.")
            _, found, rest = inside.partition(".attention_blocks.")
            attention = int(rest.split(".")[0]) if found else None
            self._at.setdefault(place, []).append(Change(inside, rows.start, attention, module))

    def at(self, place: str) -> list[Change]:
        """The changes in the motion module at `place`."""
        return self._at.get(place, [])


def load_branches(path: str | Path, spec: MotionSpec, disable_dynamic: bool = False) -> HostPatcher[MotionLora]:
    """The motion LoRA in `path` as a host ModelPatcher whose `.model` is a MotionLora. Raises MotionFileError."""
    path = Path(path)
    lora = MotionLora(spec, load_changes(path, spec), path.name, comfy.ops.manual_cast).requires_grad_(False)
    return patch(lora, (load_branches, (str(path), spec)), disable_dynamic)


def check_no_branches(motion: HostMotion) -> None:
    """Raises ValueError when `motion` (MOTION_MODEL) has motion LoRAs whose strengths vary."""
    if motion.get_attachment(LORAS):
        raise ValueError(
            "The motion model has a motion LoRA whose strength is a curve, which cannot become part of its weights. "
            "Use a number for the strength in Load Motion LoRA, or leave that node out."
        )
