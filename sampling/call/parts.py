"""Progress of a run that consists of several runs of the host's sampler."""

from collections.abc import Callable
from typing import Any

import torch

Callback = Callable[[int, torch.Tensor, torch.Tensor, int], Any]
"""What samplers call after each step: (step, denoised (f, c, h, w), noisy, number of steps)."""


def shifted(callback: Callback | None, done: int, total: int) -> Callback | None:
    """`callback` of the whole run of `total` steps, for a part of it that comes after `done` steps."""
    if callback is None:
        return None
    return lambda step, denoised, noisy, _steps_of_part: callback(done + step, denoised, noisy, total)
