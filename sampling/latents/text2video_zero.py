"""Text2Video-Zero: an image model animates one picture by moving its half-finished latent.

Khachatryan et al., "Text2Video-Zero: Text-to-Image Diffusion Models are Zero-Shot Video Generators" (2023), 3.3.
Noise levels are the host's: sigma = sqrt(1/alphas_cumprod - 1), and a latent at sigma is picture + sigma * noise.
"""

from dataclasses import dataclass
from typing import Any

import torch
from comfy.samplers import Sampler

from ...motion.host import HostGuider, HostSampler
from ..call.parts import Callback, Parts, RunStart, check_kept_size
from ..call.progress import SAME_LEVEL

PICTURE = 512
"""Motion is given in pixels of a picture of this size, whatever the real one is."""


@dataclass(frozen=True)
class MotionField:
    """How far the view moves, and when.

    Frame 0 is denoised to timestep `low`. Its moved copies get the noise of timestep `high` again, and from there all
    frames are denoised together. Raises ValueError unless low < high.
    """

    x: float = 12.0  # to the right, in pixels of a 512-pixel picture per frame
    y: float = 12.0  # downwards, likewise
    high: int = 941  # training timestep (0..999) from which all frames are denoised together; t1 of the paper
    low: int = 881  # training timestep (0..999) that frame 0 is denoised to before it is moved; t0 of the paper

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise ValueError(
                f"Shifted frames must go back to a timestep with more noise, but high_timestep is {self.high} and "
                f"low_timestep is {self.low}. Set high_timestep above low_timestep, e.g. 941 and 881."
            )


def warp(latent: torch.Tensor, field: MotionField, frames: int) -> torch.Tensor:
    """`latent` (1, c, h, w) as the view of each frame sees it, (f, c, h, w); beyond its edge it is mirrored.

    Nearest neighbours keep the statistics of noise.
    """
    h, w = latent.shape[-2:]
    y = _seen(h, field.y, frames).to(latent.device)
    x = _seen(w, field.x, frames).to(latent.device)
    return latent[0][:, y[:, :, None], x[:, None, :]].transpose(0, 1)  # (f, c, h, w)


def _seen(size: int, motion: float, frames: int) -> torch.Tensor:
    """Which of the `size` rows or columns each frame sees at each of its own, as indices (f, size).

    The centres are those of the authors' 512-pixel grid, reduced bilinearly.
    """
    centres = (torch.arange(size) + 0.5) * (PICTURE / size) - 0.5 + motion * torch.arange(frames)[:, None]
    places = (centres * (size / PICTURE)) % (2 * size)  # twice the picture: it and its mirror image
    mirrored = torch.where(places < size, places, 2 * size - places)
    return (mirrored - 0.5).round().long().clamp(0, size - 1)


def diffuse(latent: torch.Tensor, noise: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """The forward process from noise level `low` to `high`. In the authors' variance-preserving terms it is latent *
    sqrt(a) + noise * sqrt(1 - a), a = (1 + low²) / (1 + high²): 0.530534 from timestep 881 to 941 of SD1.5."""
    return latent + noise * (high.square() - low.square()).sqrt()


@dataclass(frozen=True)
class MovingSampler(Sampler):  # type: ignore[misc]
    """Runs the host's sampler in three parts: to high and on to low for frame 0, then from high to the end for all.

    The first two run on the whole batch, of which frame 0 is kept: ControlNets and masks then keep their shape.
    """

    sampler: HostSampler  # the sampler that the user chose
    field: MotionField  # how far the view moves, and when

    def max_denoise(self, guider: HostGuider, sigmas: torch.Tensor) -> bool:
        return self.sampler.max_denoise(guider, sigmas)

    def sample(
        self,
        guider: HostGuider,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any],
        callback: Callback | None,
        noise: torch.Tensor,
        source: torch.Tensor,
        *more: Any,
    ) -> torch.Tensor:
        """As the host's samplers: latents (f, 4, h, w) from source + sigmas[0] * noise, along the falling `sigmas`."""
        if torch.count_nonzero(noise) == 0:
            raise ValueError(
                "Text2Video-Zero adds noise to the frames that it moves, but this sampler adds no noise. Turn on add_noise in "
                "the sampler, or connect RandomNoise to it instead of DisableNoise."
            )
        sampling = guider.inner_model.model_sampling
        high = sampling.sigma(sigmas.new_tensor(float(self.field.high))).to(sigmas)
        low = sampling.sigma(sigmas.new_tensor(float(self.field.low))).to(sigmas)
        to_high, to_low, to_end = _parts(sigmas, high, low)
        first = len(to_high) - 1
        second = first + len(to_low) - 1
        parts = Parts(guider, extra_args, callback, source, more, second + len(to_end) - 1)
        at_high = parts.sample(self.sampler.sample, to_high, noise, done=0)[0]
        check_kept_size(at_high, noise, "Text2Video-Zero")
        restart = RunStart(guider, self.sampler, to_low, source)
        at_low = parts.sample(self.sampler.sample, to_low, restart.noise_for(at_high), first, seed_shift=1)[0]
        moved = diffuse(warp(at_low[:1], self.field, len(noise))[1:], noise[1:], low, high)
        all_frames = restart.noise_for(torch.cat([at_high[:1], moved]))
        return parts.sample(self.sampler.sample, to_end, all_frames, second, seed_shift=2)[0]


def _parts(sigmas: torch.Tensor, high: torch.Tensor, low: torch.Tensor) -> list[torch.Tensor]:
    """The falling noise levels of a run, cut at `high` and `low`: to high, from high to low, from high to the end."""
    if sigmas[0] <= high or sigmas[-1] >= low:
        raise ValueError(
            f"Text2Video-Zero moves the picture between the noise levels {float(high):.2f} and {float(low):.2f}, but "
            f"this run goes from {float(sigmas[0]):.2f} to {float(sigmas[-1]):.2f}. Sample the whole run, with denoise "
            "1; for a second pass, use First-Frame Attention without Text2Video-Zero."
        )
    above, under_high = sigmas > high * (1 + SAME_LEVEL), sigmas < high * (1 - SAME_LEVEL)
    across = under_high & (sigmas > low * (1 + SAME_LEVEL))
    first, last = high[None], low[None]
    return [
        torch.cat([sigmas[above], first]),
        torch.cat([first, sigmas[across], last]),
        torch.cat([first, sigmas[under_high]]),
    ]
