"""Parts of a sampling run: 0 is its start, 1 its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from ...motion.host import HostSampling

SAME_LEVEL = 1e-4
"""Noise levels that differ by less than this part are one: neighbouring training timesteps differ by 6e-3."""
HALVINGS = 24


def is_within(start: float, end: float, sigma: float | torch.Tensor, model_sampling: HostSampling) -> bool:
    """Whether the noise level `sigma` lies in the part `start` to `end` of the run, by the host's rule."""
    if start <= 0.0 and end >= 1.0:  # comparing would wait for the GPU
        return True
    first = model_sampling.percent_to_sigma(start)
    last = model_sampling.percent_to_sigma(end)
    return bool(last <= float(sigma) <= first)


def percent_of(level: float, model_sampling: HostSampling) -> float:
    """The part of the run (0..1) at which the host's percent_to_sigma gives the noise level `level`."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if model_sampling.percent_to_sigma(middle) >= level else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class Progress:
    """How far a run is. Numbers are fetched from the GPU only when something asks for them."""

    sigma: float | torch.Tensor  # noise level now: a number or a tensor () that may be on the GPU
    model_sampling: HostSampling  # the MODEL's noise schedule
    steps: torch.Tensor | None = (
        None  # noise levels of the sampler's steps, a tensor (s + 1,); None: the sampler does not report them
    )

    @cached_property
    def level(self) -> float:
        return float(self.sigma)

    @cached_property
    def percent(self) -> float:
        return percent_of(self.level, self.model_sampling)

    @cached_property
    def step(self) -> int:
        """The step of the sampler, from 0; a model call between two steps belongs to the earlier one."""
        return 0 if self.steps is None else max(0, int((self.steps >= self.sigma * (1 - SAME_LEVEL)).sum()) - 1)

    @cached_property
    def levels(self) -> list[float]:
        """The noise level at which each step begins. Raises ValueError where the sampler does not tell."""
        if self.steps is None:
            raise ValueError(
                "A curve uses step numbers, but this sampler does not report its steps. Use fractions of "
                "the run instead, such as 50%."
            )
        return list(self.steps.tolist()[:-1])

    def has_reached(self, level: float) -> bool:
        return self.level <= level * (1 + SAME_LEVEL)


def progress_of(
    sigma: float | torch.Tensor, model_sampling: HostSampling, transformer_options: Mapping[str, Any]
) -> Progress:
    """The Progress of a model call at noise level `sigma`."""
    return Progress(sigma, model_sampling, transformer_options.get("sample_sigmas"))
