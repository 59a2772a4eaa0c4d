"""Which clips a step sees, and with which noise: all a function of the seed and the step."""

from dataclasses import dataclass
from typing import Any

import torch

from .clips import Clips
from .conditioning import prepare
from .config import TrainSettings
from .draws import clip_at, draw_timestep, generator


@dataclass(frozen=True)
class Batch:
    """The clips that go through the model together, v of them."""

    latents: torch.Tensor  # (v, f, c, h, w)
    noise: torch.Tensor  # (v, f, c, h, w)
    timesteps: torch.Tensor  # (v,)
    captions: tuple[dict[str, Any], ...]  # the host's COND values
    numbers: tuple[int, ...]  # of the clips among those of the run
    random: tuple[torch.Generator, ...]  # one per video, for whatever else an objective draws


@dataclass(frozen=True)
class Batches:
    """The clips of a run, scaled for the UNet, with their captions ready for it."""

    latents: tuple[torch.Tensor, ...]
    captions: tuple[dict[str, Any], ...]
    empty: dict[str, Any]
    settings: TrainSettings
    device: torch.device

    def at(self, step: int, part: int) -> Batch:
        """Part `part` of the clips of step `step`. Each clip's chance depends on its place in the run and on nothing
        else, so it does not matter how a step's clips are divided into parts."""
        settings = self.settings
        first = (step * settings.accumulation + part) * settings.batch_size
        latents, noise, timesteps, captions, numbers, randoms = [], [], [], [], [], []
        for position in range(first, first + settings.batch_size):
            random = generator(settings.seed, "clip", position)
            clip = clip_at(position, len(self.latents), settings.seed)
            timesteps.append(draw_timestep(random, settings.timestep_bias))
            dropped = float(torch.rand((), generator=random)) < settings.caption_dropout
            captions.append(self.empty if dropped else self.captions[clip])
            latents.append(self.latents[clip])
            numbers.append(clip)
            noise.append(torch.randn(self.latents[clip].shape, generator=random))
            randoms.append(random)
        return Batch(
            torch.stack(latents).to(self.device),
            torch.stack(noise).to(self.device),
            torch.tensor(timesteps, device=self.device),
            tuple(captions),
            tuple(numbers),
            tuple(randoms),
        )


def batches(base: Any, clips: Clips, settings: TrainSettings, device: torch.device) -> Batches:
    """`clips` for the UNet of `base` (BaseModel)."""
    prepared: dict[int, dict[str, Any]] = {}
    for conditioning in (clips.empty, *(clip.conditioning for clip in clips.clips)):  # clips often share one
        if id(conditioning) not in prepared:
            prepared[id(conditioning)] = prepare(base, conditioning, clips.shape)
    return Batches(
        tuple(base.process_latent_in(clip.latents.detach().clone()).float() for clip in clips.clips),
        tuple(prepared[id(clip.conditioning)] for clip in clips.clips),
        prepared[id(clips.empty)],
        settings,
        device,
    )
