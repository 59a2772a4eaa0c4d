"""All that changes during a run: the parameters, their moving average, the optimizer."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from .config import TrainSettings
from .learner import Learner

LAST_RATE = 0.02


class State:
    """A run after `step` steps, with the loss of each of them. To be made outside inference mode."""

    def __init__(self, learner: Learner, settings: TrainSettings, device: torch.device, scaled: bool) -> None:
        self.step = 0
        self.saved = 0  # the step of the latest state on disk
        self.whole = True  # False only while a step is half done, by which time it cannot be stored
        self.losses: list[float] = []
        self.untrained: list[float] = []  # the losses of the untrained model that measurements are relative to
        self.measured_on = ""  # fingerprint of the clips that they are measured on
        self.measurements: list[tuple[int, float]] = []  # steps and relative losses, see validation.py
        self.settings = settings
        self.parameters = learner.parameters
        self.average = {name: p.detach().clone() for name, p in learner.parameters.items()} if settings.average else {}
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaled)  # type: ignore[attr-defined]
        by_rate: dict[float, list[torch.Tensor]] = {}
        for name, parameter in learner.parameters.items():
            by_rate.setdefault(learner.rates.get(name, 1.0), []).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [{"params": parameters, "relative": rate} for rate, parameters in by_rate.items()],
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=device.type in ("cpu", "cuda") or None,
        )

    def advance(self, loss: float) -> None:
        """One step of the optimizer with the gradients that the parameters hold; they are cleared."""
        settings, self.whole = self.settings, False
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * group["relative"] * rate_at(self.step, settings)
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), settings.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average:
            decay = min(settings.average, (1 + self.step) / (10 + self.step))
            now = [p.detach() for p in self.parameters.values()]
            get_ema_multi_avg_fn(decay)(list(self.average.values()), now, self.step)
        self.step += 1
        self.losses.append(loss)
        self.whole = True

    def result(self) -> dict[str, torch.Tensor]:
        """What has been learned: the average, or the last values where none is kept. Not a copy."""
        return self.average or {name: p.detach() for name, p in self.parameters.items()}

    @contextmanager
    def with_result(self) -> Iterator[None]:
        """While this is open, the parameters have the values of `result`. Nothing is copied."""
        own = {name: parameter.data for name, parameter in self.parameters.items()}
        try:
            for name, value in self.average.items():
                self.parameters[name].data = value
            yield
        finally:
            for name, parameter in self.parameters.items():
                parameter.data = own[name]

    def stored(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "losses": self.losses,
            "untrained": self.untrained,
            "measured_on": self.measured_on,
            "measurements": self.measurements,
            "parameters": {name: p.detach() for name, p in self.parameters.items()},
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Continues the run of which `stored` is the state."""
        self.step = self.saved = stored["step"]
        self.losses = stored["losses"]
        self.measurements = [*stored.get("measurements", [])]  # which earlier states do not have
        if not self.untrained:
            self.untrained = stored.get("untrained", [])
            self.measured_on = stored.get("measured_on", "")
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(stored["parameters"][name])
            for name, value in self.average.items():
                value.copy_(stored["average"][name])
        self.optimizer.load_state_dict(stored["optimizer"])
        self.scaler.load_state_dict(stored["scaler"])


def rate_at(step: int, settings: TrainSettings) -> float:
    """The fraction of the learning rate that step `step` (from 0) uses."""
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    if settings.learning_rate_curve == "constant":
        return rise
    fall = 0.5 * (1 + math.cos(math.pi * step / settings.steps))
    return rise * (LAST_RATE + (1 - LAST_RATE) * fall)
