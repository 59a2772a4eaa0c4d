"""What each motion module does in one model call, out of the numbers and curves on the MODEL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ...motion.control import Branch, Value
from ...motion.lora_branches import MotionLora
from ..call.areas import Areas
from ..call.progress import is_within
from ..curves.curve import Combined, Curve, Moment, Part, as_curve, plain, value_at
from .applied import Applied
from .enhance_motion import Enhance
from .hooks import Effect

KEPT = "kinema_motion_kept"
"""Where a model call has the share of the motion that is kept (number or curve) in transformer_options."""
ONE = 1.0


@dataclass(frozen=True)
class Shared:
    """What a call asks of all its motion models: how much of their motion is `kept`, and how their attentions are
    enhanced."""

    kept: float | Curve = ONE
    enhance: Enhance | None = None


class Values:
    """The values of curves at one `moment`, on `device`; each is worked out once, unless blocks make a difference.
    Model calls of `areas` have latents of another `size` (h, w) than the moment."""

    def __init__(self, moment: Moment, device: torch.device, size: tuple[int, int], areas: Areas | None = None) -> None:
        self.moment, self.device, self.size, self.areas = moment, device, size, areas
        self._known: dict[tuple[int, Part | None], tuple[Curve, Value]] = {}

    def of(self, curve: float | Curve, part: Part) -> Value:
        if not isinstance(curve, Curve):
            return float(curve)
        key = id(curve), part if curve.over_blocks else None
        if key not in self._known:
            value = value_at(curve, self.moment, part)
            if isinstance(value, torch.Tensor):
                value = self._placed(value)
            self._known[key] = curve, value  # which keeps the curve alive, and so its id
        return self._known[key][1]

    def _placed(self, value: torch.Tensor) -> Value:
        if self.areas is None:
            return value.to(self.device)
        seen = plain(self.areas.of(value, len(self.moment.frames.indices), self.size))
        return seen.to(self.device) if isinstance(seen, torch.Tensor) else seen

    def within(self, start: float, end: float) -> bool:
        run = self.moment.progress
        return run is None or is_within(start, end, run.sigma, run.model_sampling)


def effects_of(
    motion: Any, how: Applied, loras: Sequence[Any], shared: Shared, values: Values
) -> Effect | Mapping[str, Effect]:
    """The effect of `motion` (MOTION_MODEL) at each of its places, or one for all. `loras` are patchers of MotionLoras,
    to whose places `how` refers."""
    if not values.within(how.start_percent, how.end_percent):
        return Effect(strength=0.0)
    enhance = shared.enhance if shared.enhance and values.within(*shared.enhance.range) else None
    kept, model = shared.kept, motion.model
    residual = how.strength if kept == ONE else Combined("multiply", as_curve(how.strength), as_curve(kept))
    changes = [(loras[place].model, strength) for place, strength in how.loras]

    def at(place: str) -> Effect:
        strength = values.of(residual, Part(place))
        if not isinstance(strength, torch.Tensor) and strength == 0:
            return Effect(strength=0.0)
        parts = [Part(place, i) for i in range(model.spec.attentions)]
        return Effect(
            strength,
            () if how.attention == ONE else tuple(values.of(how.attention, part) for part in parts),
            () if enhance is None else tuple(enhance.at(values.of(enhance.temperature, part)) for part in parts),
            _branches(model.at(place), place, changes, values),
        )

    curves = (residual, how.attention, enhance and enhance.temperature)
    if not changes and not any(isinstance(curve, Curve) and curve.over_blocks for curve in curves):
        return at(model.spec.modules[0][0])
    return {place: at(place) for place, _ in model.spec.modules}


def _branches(
    module: nn.Module, place: str, changes: Sequence[tuple[MotionLora, float | Curve]], values: Values
) -> dict[nn.Module, list[Branch]]:
    """The changes that motion LoRAs make in the linear layers of the motion module at `place`."""
    branches: dict[nn.Module, list[Branch]] = {}
    for lora, curve in changes:
        for change in lora.at(place):
            strength = values.of(curve, Part(place, change.attention))
            if isinstance(strength, torch.Tensor) or strength != 0:
                layer = module.get_submodule(change.layer)
                branches.setdefault(layer, []).append(Branch(change.module, change.start, strength))
    return branches
