"""The clips and the noise of each step, which depend only on the seed and the number of the step."""

from dataclasses import dataclass
from typing import Any

import torch

from ..motion.host import HostNetwork
from .clips import Clip, Clips
from .conditioning import check_caption, prepare
from .config import TrainSettings
from .draws import clip_at, draw_timestep, generator, timestep_at
from .on_disk import in_memory


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
    """The clips of a run, read and made ready for the UNet of `base` when their turn comes."""

    base: HostNetwork  # of the MODEL that is trained with
    clips: Clips  # all of the run
    empty: dict[str, Any]  # the empty caption, ready for the UNet
    settings: TrainSettings  # seed, batch size, timestep bias and caption dropout are used
    device: torch.device  # of the tensors in a batch

    def at(self, step: int, part: int) -> Batch:
        """Part `part` of the clips of step `step`. The random draws for a clip depend only on its position in
        the run, so it does not matter how the clips of a step are divided into parts."""
        settings = self.settings
        first = (step * settings.accumulation + part) * settings.batch_size
        latents, noise, timesteps, captions, numbers, randoms = [], [], [], [], [], []
        for position in range(first, first + settings.batch_size):
            random = generator(settings.seed, "clip", position)
            number = clip_at(position, len(self.clips.clips), settings.seed)
            clip = self.clips.clips[number]
            timesteps.append(draw_timestep(random, settings.timestep_bias))
            dropped = float(torch.rand((), generator=random)) < settings.caption_dropout
            captions.append(self.empty if dropped else self._caption(clip))
            latents.append(self._latents(clip))
            numbers.append(number)
            noise.append(torch.randn(self.clips.shape, generator=random))
            randoms.append(random)
        return Batch(
            torch.stack(latents).to(self.device),
            torch.stack(noise).to(self.device),
            torch.tensor(timesteps, device=self.device),
            tuple(captions),
            tuple(numbers),
            tuple(randoms),
        )

    def fixed(self, item: int, items: int) -> Batch:
        """One clip of those that measure how much has been learned, always the same for an `item` of `items`: the noise levels
        of all items are spread as evenly as those of the training are likely, and each clip has its caption."""
        settings = self.settings
        random = generator(settings.seed, "validation", item)
        number = clip_at(item, len(self.clips.clips), settings.seed)
        clip = self.clips.clips[number]
        timestep = timestep_at((item + 0.5) / items, settings.timestep_bias)
        return Batch(
            self._latents(clip)[None].to(self.device),
            torch.randn(self.clips.shape, generator=random)[None].to(self.device),
            torch.tensor([timestep], device=self.device),
            (self._caption(clip),),
            (number,),
            (random,),
        )

    def _latents(self, clip: Clip) -> torch.Tensor:
        """(f, c, h, w)."""
        scaled: torch.Tensor = self.base.process_latent_in(in_memory(clip.latents).detach().clone())
        return scaled.float()

    def _caption(self, clip: Clip) -> dict[str, Any]:
        return prepare(self.base, in_memory(clip.conditioning), self.clips.shape)


def batches(base: HostNetwork, clips: Clips, settings: TrainSettings, device: torch.device) -> Batches:
    """`clips` for the UNet of `base`. Raises ValueError for captions that cannot be trained with."""
    different = {id(clip.conditioning): clip.conditioning for clip in clips.clips}  # clips often share one
    for conditioning in different.values():
        check_caption(conditioning)
    return Batches(base, clips, prepare(base, clips.empty, clips.shape), settings, device)
