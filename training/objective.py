"""The training objective (paper, section 4.2): one timestep per clip, own noise for every frame, noise prediction."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal

import comfy.model_sampling
import torch

from ..motion.host import HostModel, HostSampling
from ..motion.layers import MotionModel
from ..motion.spec import NoiseSchedule
from ..sampling.modules.hooks import motion_inside, plain_motion
from ..sampling.noise.noise_schedules import build_sampling, predicted_by
from .clip_batches import Batch
from .conditioning import unet_arguments

Target = Literal["noise", "velocity"]
"""What a UNet learns to predict."""


@dataclass(frozen=True)
class Diffusion:
    """How clips are noised, and what the UNet predicts from them."""

    alphas_bar: torch.Tensor  # (1000,): the fraction of the signal that is left at each timestep
    prediction: Target  # what the UNet is trained to answer
    heaviest: float = 1.0  # the most that a noisy timestep weighs in the loss, 1 or more: see `error`

    def noised(
        self, clean: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the UNet sees and what it should answer, both of the shape of `clean` and `noise` (v, f, c, h, w).

        `timesteps` (v,) holds one timestep for all frames of a video.
        """
        alpha_bar = self.alphas_bar.to(timesteps.device)[timesteps, None, None, None, None]
        signal = alpha_bar.sqrt().to(clean)
        amount = (1 - alpha_bar).sqrt().to(clean)
        target = noise if self.prediction == "noise" else signal * noise - amount * clean
        return signal * clean + amount * noise, target

    def error(self, predicted: torch.Tensor, target: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """The mean squared error over videos (v, f, c, h, w), where noise prediction weighs a timestep by 1 + sigma²
        up to `heaviest`: that makes it the loss of v-prediction (Salimans & Ho 2022, 4) up to there; 1 is the paper's.
        """
        errors = (predicted - target).square().flatten(1).mean(1)
        if self.prediction == "noise" and self.heaviest > 1:
            errors = errors * (1 / self.alphas_bar).clamp(max=self.heaviest).to(errors)[timesteps]
        return errors.mean()


def diffusion(model: HostModel, schedule: NoiseSchedule, heaviest: float = 1.0) -> Diffusion:
    """What `model` (MODEL) predicts, with the noise `schedule` in place of its own."""
    own = model.get_model_object("model_sampling")
    prediction = prediction_of(own)
    sigmas = build_sampling(replace(schedule, lcm_steps=None), own).sigmas  # all 1000 of them
    return Diffusion(1 / (sigmas.double() ** 2 + 1), prediction, heaviest)


def prediction_of(model_sampling: HostSampling) -> Target:
    """ "noise" or "velocity". Raises ValueError for models that predict something else."""
    kind = predicted_by(model_sampling)
    if kind is comfy.model_sampling.EPS:
        return "noise"
    if kind is comfy.model_sampling.V_PREDICTION:
        return "velocity"
    raise ValueError(
        f"The connected MODEL predicts {kind.__name__}, but training supports only noise and v-prediction. Connect "
        "the MODEL output of the loader directly."
    )


@dataclass(frozen=True)
class Network:
    """The frozen UNet of a MODEL with the motion model that learns inside."""

    model: HostModel  # MODEL
    motion: MotionModel  # its parameters are those in training
    diffusion: Diffusion  # noise schedule and target of the run

    @property
    def unet(self) -> Any:
        return self.model.model.diffusion_model

    def animated(self, frames: int) -> AbstractContextManager[None]:
        """While this is open, `predict` animates videos of `frames`. The backward pass belongs inside too."""
        return motion_inside(self.unet, [plain_motion(self.motion)], frames)

    def predict(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, captions: Sequence[dict[str, Any]], **more: Any
    ) -> torch.Tensor:
        """What the UNet answers to `noisy` (v, f, c, h, w), in float32 and that shape; `more` arguments go to the UNet."""
        dtype = self.model.model.get_dtype_inference()
        frames = noisy.shape[1]
        answer = self.unet(
            noisy.flatten(0, 1).to(dtype),  # (v*f, c, h, w)
            timesteps.repeat_interleave(frames).float(),
            transformer_options=dict(self.model.model_options.get("transformer_options", {})),
            **unet_arguments(captions, frames, noisy.device, dtype),
            **more,
        )
        return answer.float().reshape(noisy.shape)  # type: ignore[no-any-return]

    def context(self, captions: Sequence[dict[str, Any]], frames: int, device: torch.device) -> torch.Tensor:
        """The tokens (v*f, n, c) of `captions`, which a network next to the UNet reads, too."""
        tokens: torch.Tensor = unet_arguments(captions, frames, device, torch.float32)["context"]
        return tokens


Loss = Callable[[Network, Batch], Iterator[torch.Tensor]]
"""Yields float32 scalars, to be added up. The caller runs the backward pass of each before it asks for the next: what
checkpointing computes again then finds the UNet as it was in the forward pass."""


def motion_loss(network: Network, batch: Batch) -> Iterator[torch.Tensor]:
    """The paper's loss: the mean squared error over all frames, weighted as the settings say."""
    noisy, target = network.diffusion.noised(batch.latents, batch.noise, batch.timesteps)
    with network.animated(batch.latents.shape[1]):
        predicted = network.predict(noisy, batch.timesteps, batch.captions)
        yield network.diffusion.error(predicted, target, batch.timesteps)
