"""Refining the noise of a run: sample, take the low frequencies of the result for the noise, and sample again.

The model saw videos whose noise still held traces of their low frequencies; pure noise has none, and that costs
consistency. Wu et al., "FreeInit" (2023), section 3.3; Yuan et al., "FreqPrior" (2025).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, get_args

import comfy.model_management
import comfy.utils
import torch

from ...motion.host import HostSampler, HostSampling
from ..call.parts import Parts, RunStart, Sample, check_kept_size
from .frequency import LowPass, mix, mix_unit

Method = Literal["FreeInit", "FreqPrior"]
METHODS: tuple[Method, ...] = get_args(Method)

SEED = 0x2545F4914F6CDD1D
"""What the seed of new noise is ahead of the sampler's."""

PRIOR = 0.8
"""FreqPrior's share of the diffused result in the two videos whose low frequencies it takes (the authors' cosine)."""


@dataclass(frozen=True)
class NoiseRefinement:
    """A run that is sampled several times."""

    method: Method = "FreeInit"  # how low and high frequencies are mixed
    iterations: int = 3  # how often the run is sampled, the last time included
    low_pass: LowPass = field(default_factory=LowPass)  # which frequencies of the result are kept
    coarse_to_fine: bool = False  # whether earlier iterations have fewer steps
    until: float = 1.0  # fraction of the run (0..1) at which all iterations but the last end
    new_noise: bool = False  # whether results are diffused with other noise than the run started from

    def runs(self, sigmas: torch.Tensor, model_sampling: HostSampling) -> list[torch.Tensor]:
        """The noise levels of each iteration of a run along `sigmas`."""
        end = 0.0 if self.until >= 1 else model_sampling.percent_to_sigma(self.until)
        return [self.sigmas(iteration, sigmas, end) for iteration in range(self.iterations)]

    def sigmas(self, iteration: int, sigmas: torch.Tensor, end: float) -> torch.Tensor:
        """The noise levels of an iteration (0, 1, ...) of a run along `sigmas`; all but the last stop at level `end`."""
        if iteration == self.iterations - 1:
            return sigmas
        if self.coarse_to_fine:
            steps = len(sigmas) - 1
            count = max(1, steps * (iteration + 1) // self.iterations)
            sigmas = sigmas[torch.linspace(0, steps, count + 1).round().long().to(sigmas.device)]
        above = int((sigmas > end).sum())
        return sigmas[: max(above, 1) + 1]

    def noise(self, diffused: torch.Tensor, fresh: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Unit noise (f, c, h, w) with the low frequencies of `diffused`, a result at the run's first noise level."""
        f, _, h, w = diffused.shape
        keeps = self.low_pass.response(f, h, w).to(diffused.device)
        if self.method == "FreeInit":
            return mix(diffused, fresh(), keeps)
        norm = (1 + PRIOR**2) ** 0.5
        one = (PRIOR * diffused + (1 - PRIOR**2) ** 0.5 * fresh()) / norm
        other = (PRIOR * diffused + (1 - PRIOR**2) ** 0.5 * fresh()) / norm
        return mix_unit((one, other), (fresh(), fresh()), keeps)


def sample_refined(
    refinement: NoiseRefinement,
    sample: Sample,
    sampler: HostSampler,
    sigmas: torch.Tensor,
    noise: torch.Tensor,
    parts: Parts,
) -> torch.Tensor:
    """The latents (f, c, h, w) of a run of the host's `sampler` along `sigmas` from unit `noise`, refined; `sample` is the
    sampler's function. An interrupt after the first iteration returns the result of the last one that ended."""
    # Without noise, the run continues where another sampler stopped; one whose noise level does not fall is unsampling
    if torch.count_nonzero(noise) == 0 or not falls(sigmas):
        return sample(parts.guider, sigmas, parts.extra_args, parts.callback, noise, parts.latent_image, *parts.more)
    random = torch.Generator().manual_seed(((parts.extra_args.get("seed") or 0) + SEED) % 2**64)
    first = noise
    fresh = partial(_unit_noise, noise, random)
    start = RunStart(parts.guider, sampler, sigmas, parts.latent_image)
    runs = refinement.runs(sigmas, parts.guider.inner_model.model_sampling)
    parts = replace(parts, steps=sum(len(run) - 1 for run in runs))
    done = 0
    result: Any = None
    kept: torch.Tensor | None = None
    for number, run in enumerate(runs):
        if number > 0:
            level = runs[number - 1][-1]
            result = _at_size_of(first, result, level)
            diffused = start.diffused(result, level, fresh() if refinement.new_noise else first)
            noise = refinement.noise(start.noise_for(diffused), fresh)
        try:
            result, denoised = parts.sample(sample, run, noise, done)
        except comfy.model_management.InterruptProcessingException:
            if kept is None:
                raise
            parts.show(kept)
            return kept
        kept = result if run[-1] == sigmas[-1] or denoised is None else denoised
        done += len(run) - 1
    return result  # type: ignore[no-any-return]


def falls(sigmas: torch.Tensor) -> bool:
    """Whether a run along `sigmas` begins with more noise than it ends with."""
    return bool(sigmas[0] > sigmas[-1])


def _at_size_of(start: torch.Tensor, result: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """The `result` (f, c, h, w) of an iteration, at the size of `start` where the sampler changed it. What is left of the
    noise at `level` would not stay noise of unit variance, so only a clean result can be scaled."""
    if level > 0:
        check_kept_size(result, start, "Refine Noise with until below 1")
    if result.shape == start.shape:
        return result
    scaled: torch.Tensor = comfy.utils.common_upscale(result, start.shape[-1], start.shape[-2], "bilinear", "disabled")
    return scaled


def _unit_noise(like: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    return torch.randn(like.shape, generator=random).to(like)
