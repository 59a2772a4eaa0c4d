"""Refining the noise of a run: sample, take the low frequencies of the result for the noise, and sample again.

The model saw videos whose noise still held traces of their low frequencies; pure noise has none, and that costs
consistency. Wu et al., "FreeInit" (2023), section 3.3; Yuan et al., "FreqPrior" (2025).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

import comfy.model_management
import torch
from comfy.model_sampling import EPS
from comfy.patcher_extension import WrappersMP

from ..call.parts import Callback, shifted
from ..call.run_start import RunStart
from .frequency import LowPass, mix, mix_unit

KEY = "kinema_refine"
"""Where the NoiseRefinement of a MODEL is in transformer_options."""

Method = Literal["FreeInit", "FreqPrior"]
METHODS: tuple[Method, ...] = get_args(Method)

SEED = 0x2545F4914F6CDD1D
"""What the seed of new noise is ahead of the sampler's."""

PRIOR = 0.8
"""FreqPrior's share of the diffused result in the two videos whose low frequencies it takes (the authors' cosine)."""


@dataclass(frozen=True)
class NoiseRefinement:
    """A run in `iterations`. `coarse_to_fine` gives earlier ones fewer steps, `until` (0..1) ends all but the last at this
    part of the run; `new_noise` diffuses each result with other noise than the run began with."""

    method: Method = "FreeInit"
    iterations: int = 3
    low_pass: LowPass = field(default_factory=LowPass)
    coarse_to_fine: bool = False
    until: float = 1.0
    new_noise: bool = False

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
        one, other = ((PRIOR * diffused + (1 - PRIOR**2) ** 0.5 * fresh()) / norm for _ in range(2))
        return mix_unit((one, other), (fresh(), fresh()), keeps)


def refine_noise(model: Any, refinement: NoiseRefinement) -> Any:
    """A clone of `model` (MODEL) whose runs are refined. A second refinement replaces the first.

    Raises ValueError for models that do not diffuse by adding noise, such as flow models.
    """
    if not isinstance(model.get_model_object("model_sampling"), EPS):
        raise ValueError(
            "Refine Noise is for diffusion models such as SD1.5 and SDXL, but the connected MODEL is a "
            f"{type(model.model).__name__}, which mixes in noise differently. Connect an SD1.5 or SDXL model."
        )
    model = model.clone()
    model.model_options["transformer_options"][KEY] = refinement
    model.remove_wrappers_with_key(WrappersMP.SAMPLER_SAMPLE, KEY)
    model.add_wrapper_with_key(WrappersMP.SAMPLER_SAMPLE, KEY, _sampler_sample)
    return model


def _sampler_sample(
    executor: Any, guider: Any, sigmas: torch.Tensor, extra_args: Any, callback: Callback | None, noise: torch.Tensor,
    latent_image: torch.Tensor, *more: Any, **named: Any,
) -> torch.Tensor:  # fmt: skip
    """SAMPLER_SAMPLE wrapper: inside of all that arranges the noise of a run, around the sampler alone."""
    how: NoiseRefinement = extra_args["model_options"]["transformer_options"][KEY]
    if torch.count_nonzero(noise) == 0:  # goes on where another sampler stopped: there is no noise to refine
        return executor(guider, sigmas, extra_args, callback, noise, latent_image, *more, **named)  # type: ignore[no-any-return]
    random = torch.Generator().manual_seed(((extra_args.get("seed") or 0) + SEED) % 2**64)
    first, fresh = noise, partial(_unit_noise, noise, random)
    start = RunStart(guider, executor.class_obj, sigmas, latent_image)
    end = 0.0 if how.until >= 1 else guider.inner_model.model_sampling.percent_to_sigma(how.until)
    parts = [how.sigmas(iteration, sigmas, end) for iteration in range(how.iterations)]
    seen = _Watch(callback, [len(part) - 1 for part in parts])
    result: Any = None
    kept: torch.Tensor | None = None
    for iteration, part in enumerate(parts):
        if iteration > 0:
            diffused = start.diffused(result, parts[iteration - 1][-1], fresh() if how.new_noise else first)
            noise = how.noise(start.noise_for(diffused), fresh)
        try:
            result = executor(guider, part, extra_args, seen.of(iteration), noise, latent_image, *more, **named)
        except comfy.model_management.InterruptProcessingException:
            if kept is None:
                raise
            seen.show(kept)
            return kept
        kept = result if part[-1] == sigmas[-1] or seen.denoised is None else seen.denoised
    return result  # type: ignore[no-any-return]


def _unit_noise(like: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    return torch.randn(like.shape, generator=random).to(like)


class _Watch:
    """Hands on `callback` for iterations of so many `steps`, and knows the last prediction of the clean video."""

    def __init__(self, callback: Callback | None, steps: list[int]) -> None:
        self._callback, self._steps = callback, steps
        self.denoised: torch.Tensor | None = None

    def of(self, iteration: int) -> Callback:
        hand_on = shifted(self._callback, sum(self._steps[:iteration]), sum(self._steps))

        def watch(step: int, denoised: torch.Tensor, noisy: torch.Tensor, steps: int) -> Any:
            self.denoised = denoised
            return hand_on(step, denoised, noisy, steps) if hand_on else None

        return watch

    def show(self, kept: torch.Tensor) -> None:
        """Has the host show `kept` as the end of the run, and hand it on as its denoised output."""
        if self._callback is not None:
            self._callback(sum(self._steps) - 1, kept, kept, sum(self._steps))
