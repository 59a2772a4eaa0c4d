"""Samplers of the host that add noise at their steps, ancestral and SDE ones, with noise of our own there."""

import inspect
from collections.abc import Callable
from copy import copy
from dataclasses import is_dataclass, replace
from typing import Any

import torch
from comfy.samplers import KSAMPLER

from ...motion.host import HostGuider, HostSampler
from .noise_seeds import Path, StepNoise

ARGUMENT = "noise_sampler"
"""What the host's sampler functions call their source of noise, (noise level, next one) -> noise."""

Source = Callable[[int, torch.Tensor, Path | None], StepNoise]
"""Makes that function for a run: from its seed, latents like its own, and the ends of a Brownian path or None."""


def add_step_noise(sampler: HostSampler, source: Source) -> HostSampler:
    """`sampler` with the noise of `source` at its steps; the same sampler where it adds none or has a source already."""
    if isinstance(sampler, KSAMPLER):
        takes = ARGUMENT in inspect.signature(sampler.sampler_function).parameters
        return _WithStepNoise(sampler, source) if takes and ARGUMENT not in sampler.extra_options else sampler
    if is_dataclass(sampler) and not isinstance(sampler, type) and hasattr(sampler, "sampler"):
        return replace(sampler, sampler=add_step_noise(sampler.sampler, source))
    return sampler


class _WithStepNoise(KSAMPLER):  # type: ignore[misc]
    def __init__(self, sampler: KSAMPLER, source: Source) -> None:
        super().__init__(sampler.sampler_function, sampler.extra_options, sampler.inpaint_options)
        self._sampler = sampler
        self._source = source

    def max_denoise(self, guider: HostGuider, sigmas: torch.Tensor) -> bool:
        return self._sampler.max_denoise(guider, sigmas)  # type: ignore[no-any-return]

    def sample(
        self, guider: HostGuider, sigmas: torch.Tensor, extra_args: dict[str, Any], callback: Any, noise: torch.Tensor,
        *more: Any, **named: Any,
    ) -> torch.Tensor:  # fmt: skip
        path = _ends(sigmas) if _follows_a_path(self.sampler_function) else None
        source = self._source(extra_args.get("seed") or 0, noise, path)
        sampler = copy(self._sampler)
        sampler.extra_options = {**self.extra_options, ARGUMENT: source}
        return sampler.sample(guider, sigmas, extra_args, callback, noise, *more, **named)  # type: ignore[no-any-return]


def _follows_a_path(function: Callable[..., torch.Tensor]) -> bool:
    """Whether the host's sampler takes increments of a Brownian path: its SDE samplers of DPM-Solver++ do."""
    name = getattr(function, "__name__", "")
    return name.startswith("sample_dpmpp") and "sde" in name


def _ends(sigmas: torch.Tensor) -> Path:
    return sigmas[sigmas > 0].min(), sigmas.max()
