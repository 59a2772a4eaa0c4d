"""One run of the host's sampler, sampled in several parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ...motion.host import HostGuider, HostOptions, HostSampler
from .call import call_of

Callback = Callable[[int, torch.Tensor, torch.Tensor, int], Any]
"""What samplers call after each step: (step, denoised (f, c, h, w), noisy, number of steps)."""

Sample = Callable[..., torch.Tensor]
"""The `sample` method of the host's samplers."""


MASK_FUNCTION = "denoise_mask_function"
"""The host's name in model_options for a function that changes the noise mask at each step."""


@dataclass(frozen=True)
class Parts:
    """What the parts of a run share: the host's arguments for the whole run."""

    guider: HostGuider  # runs the model and has the conditionings
    extra_args: Mapping[str, Any]  # the host's arguments for the sampler, the seed among them
    callback: Callback | None  # shows the progress of the whole run; None: nobody watches
    latent_image: torch.Tensor  # (f, c, h, w)
    more: tuple[Any, ...]  # the denoise mask, and whether there is no progress bar
    steps: int  # of the whole run, for the callback

    def sample(
        self, sample: Sample, sigmas: torch.Tensor, noise: torch.Tensor, done: int, seed_shift: int = 0
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The latents (f, c, h, w) after a part along `sigmas`, which comes after `done` steps, and the last prediction
        of the clean video (None: the sampler reports none).

        Samplers that add noise at their steps draw it from the seed. With equal seeds, two parts would add equal noise.
        """
        model_options = self.extra_args["model_options"]
        call_of(model_options["transformer_options"]).next_part()
        watched = _Watched(self.callback, done, self.steps)
        seed = self.extra_args.get("seed")
        options = {
            **self.extra_args,
            "model_options": _masked_as_whole(model_options),
            "seed": None if seed is None else (seed + seed_shift) % 2**64,
        }
        x = sample(self.guider, sigmas, options, watched, noise, self.latent_image, *self.more)
        return x, watched.denoised

    def show(self, denoised: torch.Tensor) -> None:
        """Has the host show `denoised` as the end of the run, and pass it on as its denoised output."""
        if self.callback is not None:
            self.callback(self.steps - 1, denoised, denoised, self.steps)


def _masked_as_whole(model_options: HostOptions) -> HostOptions:
    """`model_options` in which a function for noise masks, as of Differential Diffusion, learns the noise levels of the whole
    run: it would begin anew in each part."""
    function = model_options.get(MASK_FUNCTION)
    whole = model_options["transformer_options"].get("sample_sigmas")
    if function is None or whole is None:
        return model_options

    def masked(sigma: torch.Tensor, mask: torch.Tensor, extra_options: dict[str, Any]) -> torch.Tensor:
        changed: torch.Tensor = function(sigma, mask, extra_options={**extra_options, "sigmas": whole})
        return changed

    return {**model_options, MASK_FUNCTION: masked}


def check_kept_size(latent: torch.Tensor, start: torch.Tensor, feature: str) -> None:
    """Raises ValueError where a part of a run that began with `start` ended with a `latent` of another size."""
    if latent.shape == start.shape:
        return
    before = f"{start.shape[-1]} x {start.shape[-2]}"
    after = f"{latent.shape[-1]} x {latent.shape[-2]}"
    raise ValueError(
        f"{feature} needs a sampler that keeps the size of the latents, but this sampler changed it from {before} to "
        f"{after}. Use another sampler, and scale the result after sampling."
    )


class _Watched:
    """The callback of one part, which reports to that of the whole run and keeps the last prediction."""

    def __init__(self, callback: Callback | None, done: int, steps: int) -> None:
        self._callback = callback
        self._done = done
        self._steps = steps
        self.denoised: torch.Tensor | None = None

    def __call__(self, step: int, denoised: torch.Tensor, noisy: torch.Tensor, _steps_of_part: int) -> Any:
        self.denoised = denoised
        if self._callback is not None:
            return self._callback(self._done + step, denoised, noisy, self._steps)


class RunStart:
    """The start of a run of the host's `sampler` along the falling `sigmas` from `latent_image` (f, c, h, w). Samplers
    begin with unit noise times a number, plus what the latent image contributes."""

    def __init__(
        self, guider: HostGuider, sampler: HostSampler, sigmas: torch.Tensor, latent_image: torch.Tensor
    ) -> None:
        scaling = guider.inner_model.model_sampling.noise_scaling
        most = sampler.max_denoise(guider, sigmas)
        zeros = torch.zeros_like(latent_image)
        self.sigma = sigmas[0]
        self._given: torch.Tensor = scaling(self.sigma, zeros, latent_image, most)
        self._times: torch.Tensor = scaling(self.sigma, torch.ones_like(latent_image), zeros.clone(), most)

    def noise_for(self, latent: torch.Tensor) -> torch.Tensor:
        """The noise with which the sampler begins with `latent`."""
        return (latent - self._given) / self._times

    def diffused(self, latent: torch.Tensor, at: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """`latent` at noise level `at`, brought to the first noise level of the run by unit `noise`."""
        return latent + (self.sigma**2 - at**2).sqrt() * noise
