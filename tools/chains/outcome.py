"""What a run gave, kept so that a later run can be compared with it bit for bit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

Tensors = Mapping[str, "torch.Tensor"]


@dataclass(frozen=True)
class Outcome:
    """Either a digest or an error."""

    sha256: str = ""  # of the bytes of all tensors
    error: str = ""  # why there are none: the kind of the exception and its message

    @property
    def is_refusal(self) -> bool:
        return bool(self.error)


def refusal(error: Exception) -> Outcome:
    """The Outcome of a run that `error` ended, whichever it is: a redesign has to give the same."""
    return Outcome(error=f"{type(error).__name__}: {error}")


def outcome_of(tensors: Tensors) -> Outcome:
    """The Outcome of a run that gave `tensors`."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(tensors[name].numpy().tobytes())
    return Outcome(sha256=digest.hexdigest())


def change(before: Outcome, now: Outcome) -> str:
    """In words what differs where one of the two is a refusal."""
    return f"was {_state(before)}; now {_state(now)}"


def _state(outcome: Outcome) -> str:
    return f"refused ({outcome.error})" if outcome.is_refusal else "sampled"


def distance(before: Tensors, now: Tensors) -> str:
    """In words how far `now` is from `before`."""
    shapes = [{name: tuple(tensor.shape) for name, tensor in sorted(each.items())} for each in (before, now)]
    if shapes[0] != shapes[1]:
        return f"was {shapes[0]}; now {shapes[1]}"
    largest = max((now[name].float() - before[name].float()).abs().max().item() for name in before)
    values = max(tensor.float().abs().max().item() for tensor in before.values())
    return f"max difference {largest:.3g}, with values up to {values:.3g}"
