"""Pictures that are put into a video in the middle of its sampling: what follows makes them part of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import comfy.sampler_helpers
import torch
from comfy.samplers import Sampler

from ...motion.host import HostGuider, HostSampler, HostSampling, HostVAE
from ...motion.pooling import average_pooled
from ..call.frames import Frames
from ..call.moment import Curve, Moment
from ..call.parts import Callback, Parts, RunStart, check_kept_size
from ..call.progress import Progress
from ..curves.curve import value_at
from .on_canvas import OnCanvas

Space = Literal["latent", "pixel"]
SPACES: tuple[Space, ...] = get_args(Space)

START = 1 - 1e-4
"""A run begins above this part of the highest noise level."""


@dataclass(frozen=True, eq=False)
class Injection:
    """Pictures that are put into a video in mid-run: one picture into all frames, several into one frame each."""

    placed: OnCanvas  # the pictures and where on the canvas they are: pixels with a VAE, else latents of a LATENT
    vae: HostVAE | None  # None: the pictures are latents
    percent: float = 0.3  # fraction of the run (0..1)
    strength: float | Curve = 1.0  # 0..1, over frames and picture
    first_frame: int = 0  # the first frame that gets a picture
    space: Space = "latent"  # where they are joined with what is there

    def rows(self, frames: int) -> range:
        """The frames of a video of `frames` that get a picture. Raises ValueError when there are none."""
        if self.first_frame >= frames:
            raise ValueError(
                f"Inject Image starts at frame {self.first_frame}, but the video has {frames} frames. "
                f"Set first_frame to {frames - 1} or less."
            )
        count = self.placed.count
        return range(self.first_frame, frames if count == 1 else min(frames, self.first_frame + count))


def injecting(
    sampler: HostSampler, injections: Sequence[Injection], guider: HostGuider, shape: Sequence[int]
) -> HostSampler:
    """The host's `sampler` for a run of latents of `shape` (f, c, h, w) that injects `injections`, each at its time.

    To be called before the models of the run are loaded, so that the VAE has the memory for itself.
    """
    for injection in injections:
        sampler = _InjectingSampler(sampler, injection, _Content(injection, guider, shape))
    return sampler


class _Content:
    """What one run injects, in the latents of its model."""

    def __init__(self, injection: Injection, guider: HostGuider, shape: Sequence[int]) -> None:
        self._model, self._vae = guider.model_patcher.model, injection.vae
        self.rows = injection.rows(shape[0])
        h, w = shape[-2:]
        ratio = 1 if self._vae is None else self._vae.spacial_compression_encode()
        self.picture, pixel_mask = injection.placed.on(h * ratio, w * ratio, len(self.rows))
        self.mask = average_pooled(pixel_mask, (h, w))
        self._pixel_mask = pixel_mask
        self.in_pixels = injection.space == "pixel"
        if not self.in_pixels:
            self.latent = self._encoded(self.picture) if self._vae is not None else self._in(self.picture)

    def change(self, denoised: torch.Tensor, guider: HostGuider) -> torch.Tensor:
        """What the rows of the prediction `denoised` (f, c, h, w) change by where the picture takes their place."""
        rows = denoised[self.rows.start : self.rows.stop]
        if not self.in_pixels:
            return (self.latent.to(rows) - rows) * self.mask.to(rows)
        assert self._vae is not None  # without one, space is "latent"
        seen = self._vae.decode(self._model.process_latent_out(rows.float())).movedim(-1, 1)
        joined = seen + (self.picture.to(seen) - seen) * self._pixel_mask.to(seen)
        change = self._encoded(joined) - self._encoded(seen)  # what the VAE itself loses is in both
        # The VAE may have taken the memory of the run's models.
        comfy.sampler_helpers.prepare_sampling(guider.model_patcher, denoised.shape, guider.conds, guider.model_options)
        return change.to(rows)

    def _encoded(self, picture: torch.Tensor) -> torch.Tensor:
        assert self._vae is not None
        return self._in(self._vae.encode(picture.movedim(1, -1)))

    def _in(self, latent: torch.Tensor) -> torch.Tensor:
        inside: torch.Tensor = self._model.process_latent_in(latent.float())
        return inside


@dataclass(frozen=True)
class _InjectingSampler(Sampler):  # type: ignore[misc]
    """Runs the host's `sampler` in two parts, and changes the latents in between."""

    sampler: HostSampler  # the sampler that the user chose
    injection: Injection  # what is put in, and when
    content: _Content  # its pictures in the size of the video

    def max_denoise(self, guider: HostGuider, sigmas: torch.Tensor) -> bool:
        return self.sampler.max_denoise(guider, sigmas)

    def sample(
        self, guider: HostGuider, sigmas: torch.Tensor, extra_args: dict[str, Any], callback: Callback | None,
        noise: torch.Tensor, latent_image: torch.Tensor, *more: Any,
    ) -> torch.Tensor:  # fmt: skip
        """As the host's samplers. A run that does not pass the injection's noise level is left as it is."""
        at = step_of(self.injection.percent, sigmas, guider.inner_model.model_sampling)
        if at is None:
            run = self.sampler.sample(guider, sigmas, extra_args, callback, noise, latent_image, *more)
            return run
        parts = Parts(guider, extra_args, callback, latent_image, more, len(sigmas) - 1)
        x, denoised = parts.sample(self.sampler.sample, sigmas[: at + 1], noise, done=0)
        check_kept_size(x, noise, "Inject Image")
        if denoised is None:
            raise RuntimeError(
                "Inject Image needs the sampler's prediction, but this sampler reports none. Use one of ComfyUI's samplers."
            )
        change = self._change(denoised, guider, sigmas[at], sigmas)
        x = self._injected(x, change)
        if at == parts.steps:  # no step follows that would show it, and a later node changes what is there now
            parts.show(self._injected(denoised, change))
            return x
        noise = RunStart(guider, self.sampler, sigmas[at:], latent_image).noise_for(x)
        return parts.sample(self.sampler.sample, sigmas[at:], noise, done=at, seed_shift=1)[0]

    def _change(
        self, denoised: torch.Tensor, guider: HostGuider, sigma: torch.Tensor, sigmas: torch.Tensor
    ) -> torch.Tensor:
        """What is added to the frames that get a picture, where the prediction is `denoised` (f, c, h, w)."""
        rows = self.content.rows
        frames = Frames(len(rows), tuple(rows), denoised.shape[0])
        progress = Progress(sigma, guider.inner_model.model_sampling, sigmas)
        strength = value_at(self.injection.strength, Moment(frames, (denoised.shape[-2], denoised.shape[-1]), progress))
        change = self.content.change(denoised, guider)
        return change * (strength.to(change) if isinstance(strength, torch.Tensor) else strength)

    def _injected(self, x: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        x = x.clone()
        x[self.content.rows.start : self.content.rows.stop] += change
        return x


def step_of(percent: float, sigmas: torch.Tensor, model_sampling: HostSampling) -> int | None:
    """The number of steps before an injection at `percent`: 1 or more, None where the run does not pass it."""
    level = min(model_sampling.percent_to_sigma(percent), float(model_sampling.sigma_max) * START)
    if not float(sigmas[0]) > level >= float(sigmas[-1]):
        return None
    return int((sigmas > level).sum())
