"""The miniature's motion model, trained by the product's own training code on clips of the drawn world.

Noise schedule and objective are the paper's. The image model is frozen; the motion modules start at zero.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinema.motion.save import save_motion_model
from kinema.training.checkpoint import Checkpoint
from kinema.training.clips import Clip, Clips
from kinema.training.config import TrainSettings
from kinema.training.learner import finished, start_new
from kinema.training.loop import Progress, course, train

from . import world
from .load import FOLDER
from .loop import OutOfTime, write

FILE = FOLDER / "miniature_mm.safetensors"
FIRST_CLIP = 40_000_000
CLIPS = 128
FRAMES = 16
SETTINGS = TrainSettings(
    steps=900,
    learning_rate=1e-3,
    batch=2,
    warmup=40,
    rate="cosine",
    average=0.99,
    seed=5,
    timestep_bias=1.2,
    save_every=25,
)


def make(model: Any, clip: Any, vae: Any, folder: Path, stop_at: float) -> None:
    """Trains on MODEL, CLIP and VAE and writes FILE. Raises OutOfTime, with all saved, at `stop_at`."""
    data = clips(clip, vae, folder)
    learner = start_new(model, SETTINGS.seed)
    checkpoint = Checkpoint(folder / "motion.pt", course(learner, data, SETTINGS))
    progress = train(model, learner, data, SETTINGS, checkpoint, report("motion", folder, stop_at))
    save_motion_model(finished(learner, progress.values, FILE.name), FILE, torch.float16, {"kinema": "miniature"})


@torch.inference_mode()
def clips(clip: Any, vae: Any, folder: Path) -> Clips:
    """The drawn clips as latents of the host's VAE with their captions, kept in `folder` once they are encoded."""
    path = folder / f"clips_{FIRST_CLIP}_{CLIPS}.pt"
    if not path.exists():
        write(path, {"clips": [_encoded(FIRST_CLIP + i, vae) for i in range(CLIPS)]})
    stored = torch.load(path)["clips"]
    captions: dict[str, Any] = {text: conditioning(clip, text) for text in ["", *(text for _, text in stored)]}
    made = (
        Clip(latents.float().clone(), captions[text], text, f"clip {i}") for i, (latents, text) in enumerate(stored)
    )
    return Clips(tuple(made), captions[""])


def _encoded(seed: int, vae: Any) -> tuple[torch.Tensor, str]:
    pictures, shown = world.clip(seed, FRAMES)
    return vae.encode(torch.from_numpy(pictures.astype(np.float32) / 255)).half(), shown.caption


def conditioning(clip: Any, text: str) -> Any:
    return clip.encode_from_tokens_scheduled(clip.tokenize(text))


def report(name: str, folder: Path, stop_at: float) -> Callable[[Progress], None]:
    """Writes the mean loss into the log now and then, and stops the run in time."""
    log = folder / "log.txt"

    def watch(progress: Progress) -> None:
        if progress.step % 25 == 0:
            recent = progress.losses[-25:]
            with log.open("a") as file:
                line = f"{name} {progress.step}/{progress.steps} loss {mean(recent):.5f}"
                file.write(f"{time.strftime('%H:%M:%S')} {line}\n")
        if time.time() > stop_at:
            raise OutOfTime(f"{name}: the time is up at step {progress.step} of {progress.steps}")

    return watch


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)
