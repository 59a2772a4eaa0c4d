"""An animation made in the middle of a run, to see what has been learned so far; each is kept as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import comfy.model_management
import comfy.sample
import numpy as np
import torch
from PIL import Image

from ..motion.atomic import replacing
from ..motion.host import HostModel
from ..sampling.modules.applied import Applied
from ..sampling.noise.model_sampling import ScheduleChoice
from ..sampling.noise.noise_schedules import KEEP
from ..sampling.run.attach import attach, schedule_noise
from .clips import Clips
from .config import TrainSettings
from .learner import Learner, Weights, finished
from .on_disk import in_memory

FPS = 8
"""What motion models are trained for, about."""


@dataclass(frozen=True)
class SampleSettings:
    """How to sample."""

    steps: int = 12  # of the sampler
    cfg: float = 7.5  # guidance scale; the negative prompt is empty
    seed: int = 0  # of the noise
    clip: int = 0  # number of the clip whose caption is the prompt


def samples_remark(sample_every: int, steps: int) -> str | None:
    """What to say of a run of `steps` steps whose samples are `sample_every` steps apart; None if there is nothing to say."""
    if sample_every <= steps:
        return None
    return f"sample_every has no effect: it is {sample_every}, but steps is {steps}."


def sample(
    model: HostModel, learner: Learner, values: Weights, clips: Clips, settings: TrainSettings, how: SampleSettings
) -> torch.Tensor:
    """Latents (f, c, h, w) of an animation by `model` (MODEL) with `values` for what is being learned.

    The run's random numbers and weights stay as they are.
    """
    with torch.no_grad(), torch.autocast(model.load_device.type, enabled=False):
        animated = attach(model, finished(learner, values, "the model in training"), Applied(), KEEP)
        schedule = settings.schedule(learner.motion.spec.family)
        animated = schedule_noise(animated, ScheduleChoice(schedule))
        latents = torch.zeros(clips.shape)
        noise = comfy.sample.prepare_noise(latents, how.seed)
        clip = clips.clips[how.clip % len(clips.clips)]
        more = learner.shown(values, in_memory(clip.latents))
        conditioning = [[tokens, {**about, **more}] for tokens, about in in_memory(clip.conditioning)]
        result: torch.Tensor = comfy.sample.sample(
            animated, noise, how.steps, how.cfg, "euler", "normal", conditioning, clips.empty, latents,
            disable_pbar=True, seed=how.seed,
        )  # fmt: skip
        comfy.model_management.load_models_gpu([model], force_full_load=True)
        return result


def sample_pictures(
    model: HostModel, learner: Learner, values: Weights, clips: Clips, settings: TrainSettings, how: SampleSettings
) -> list[Image.Image]:
    """The frames of what `sample` makes, decoded at full size by the VAE of `clips`."""
    latents = sample(model, learner, values, clips, settings, how)
    with torch.no_grad(), torch.autocast(model.load_device.type, enabled=False):
        decoded = clips.vae.decode(latents).detach().cpu().float().clamp(0, 1).numpy()
    comfy.model_management.load_models_gpu([model], force_full_load=True)  # where the VAE took its place
    return [Image.fromarray(np.uint8(picture * 255 + 0.5)) for picture in decoded]


def save_sample(frames: Sequence[Image.Image], trained: Path, step: int) -> Path:
    """Keeps the sample of `step` as an animated WEBP next to the file `trained` that the run writes."""
    file = trained.with_name(f"{trained.stem}_{step:06d}.webp")
    with replacing(file) as unfinished:
        frames[0].save(
            unfinished, "WEBP", save_all=True, append_images=frames[1:], duration=1000 // FPS, loop=0, quality=90
        )
    return file
