"""What a sampler makes of noise at the first noise level of a run, and which noise makes a wanted latent."""

from typing import Any

import torch


class RunStart:
    """The start of a run of the host's `sampler` along the falling `sigmas` from `latent_image` (f, c, h, w): the sampler
    begins with unit noise times a number, plus what the latent gives."""

    def __init__(self, guider: Any, sampler: Any, sigmas: torch.Tensor, latent_image: torch.Tensor) -> None:
        scaling = guider.inner_model.model_sampling.noise_scaling
        most = sampler.max_denoise(guider, sigmas)
        none, one = torch.zeros_like(latent_image), torch.ones_like(latent_image)
        self.sigma = sigmas[0]
        self._given: torch.Tensor = scaling(self.sigma, none, latent_image, most)
        self._times: torch.Tensor = scaling(self.sigma, one, none.clone(), most)

    def noise_for(self, latent: torch.Tensor) -> torch.Tensor:
        """The noise with which the sampler begins with `latent`."""
        return (latent - self._given) / self._times

    def diffused(self, latent: torch.Tensor, at: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """`latent` at noise level `at` with so much more unit `noise` that it is a start of the run."""
        return latent + (self.sigma**2 - at**2).sqrt() * noise
