"""Enhance Motion: Enhance-A-Video on the attentions of the motion modules of a MODEL."""

from dataclasses import dataclass
from typing import Any

import torch

from ...motion.control import Value
from ..curves.curve import Curve
from .applied import needs_motion

KEY = "kinema_enhance"
"""Where the Enhance of a MODEL is in transformer_options."""


@dataclass(frozen=True)
class Enhance:
    """The `temperature` that is added to the number of frames (0: off there), in a part of the run (percents, 0..1)."""

    temperature: float | Curve
    start_percent: float = 0.0
    end_percent: float = 1.0

    @property
    def range(self) -> tuple[float, float]:
        return self.start_percent, self.end_percent

    def at(self, temperature: Value) -> Value | None:
        """`temperature`, None where it is off everywhere."""
        return temperature if isinstance(temperature, torch.Tensor) or temperature > 0 else None


def enhance_motion(model: Any, enhance: Enhance) -> Any:
    """A clone of `model` (MODEL) whose motion modules are enhanced. Of several of these the last one holds."""
    model = needs_motion(model, "Enhance Motion")
    model.model_options["transformer_options"][KEY] = enhance
    return model
