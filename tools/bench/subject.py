"""What `bench speed` samples: the miniature, or the files of a real image model and a motion model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.sd
import torch

from kinema.miniature import models
from kinema.motion.load import load_motion_model
from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import attach
from tools.bench.measure import Options
from tools.miniature import detector, judge, world
from tools.miniature.series import animated, base

REAL_PROMPTS = (
    "a golden retriever running along a beach, waves, sunset",
    "a woman with red hair turning her head, wind in her hair, portrait",
    "a sailing boat on a rough sea, storm clouds",
    "a street in the rain at night, people with umbrellas, neon signs",
    "a hot-air balloon rising over green hills, morning fog",
    "a waterfall in a forest, moss, sunlight through leaves",
    "a steam train crossing a bridge in the mountains, snow",
    "a campfire under the stars, sparks rising",
)
"""Fixed before anything was measured with them."""
REAL_NEGATIVE = "worst quality, low quality, blurry, watermark, text"


@dataclass(frozen=True)
class Subject:
    """A MODEL with motion, and what it animates."""

    model: Any  # MODEL
    clip: Any  # CLIP
    vae: Any  # VAE
    prompts: Sequence[str]  # one for each clip
    negative: str  # prompt of all clips
    cfg: float  # classifier-free guidance scale
    frames: int  # of a clip
    size: int  # pixels of a side
    has_fish: bool  # whether the detector of the miniature can follow what moves

    def jitter(self, frames: torch.Tensor) -> float | None:
        """Pixels by which what moves leaves a smooth way in `frames` (f, h, w, 3); None: unknown."""
        return detector.watch((frames * 255).round().byte().numpy(), "day").jitter if self.has_fish else None


def subject_of(options: Options) -> Subject:
    """`options.rounds` clips. Raises ValueError for more than there are prompts for."""
    if options.checkpoint is None or options.motion_model is None:
        return _miniature(options.rounds)
    if options.rounds > len(REAL_PROMPTS):
        raise ValueError(
            f"--rounds is {options.rounds}, but there are {len(REAL_PROMPTS)} prompts for real models. Set --rounds to "
            f"{len(REAL_PROMPTS)} or less."
        )
    return _real(options.checkpoint, options.motion_model, options)


def _miniature(clips: int) -> Subject:
    _, clip, vae = models.load_miniature()
    prompts = [world.caption_of(*words) for words in judge.prompts(clips)]
    return Subject(animated(base()), clip, vae, prompts, "", judge.CFG, judge.FRAMES, 128, has_fish=True)


def _real(checkpoint: Path, motion_model: Path, options: Options) -> Subject:
    image, clip, vae, *_ = comfy.sd.load_checkpoint_guess_config(str(checkpoint), output_vae=True, output_clip=True)
    model = attach(image, load_motion_model(motion_model), Applied())
    prompts = REAL_PROMPTS[: options.rounds]
    return Subject(model, clip, vae, prompts, REAL_NEGATIVE, options.cfg, options.frames, options.size, has_fish=False)
