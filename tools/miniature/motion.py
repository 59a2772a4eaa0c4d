"""The miniature's motion model, trained by the product's own training code on clips of the drawn world.

Noise schedule and objective are the paper's. The image model is frozen; the motion modules start at zero.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kinema.miniature import models
from kinema.motion.load import load_motion_model
from kinema.motion.save import save_motion_model
from kinema.training.checkpoint import Checkpoint
from kinema.training.clip_batches import batches
from kinema.training.clips import Clip, Clips
from kinema.training.config import TrainSettings
from kinema.training.frozen import frozen
from kinema.training.learner import Learner, finished, learn_motion_model, start_new
from kinema.training.loop import TrainingProgress, course, train
from kinema.training.motion_lora import learn_motion_lora, save_motion_lora
from kinema.training.objective import Network, diffusion

from . import world
from .files import commit
from .heads import look_at_neighbours
from .host import autocast
from .loop import OutOfTime, write
from .readings import multiply_readings, use_of
from .world import Scene

FRAMES = 16


@dataclass(frozen=True)
class Drawn:
    """Clips of the world to learn from."""

    name: str  # of the kind of clips: part of the file's name
    first: int  # seed of the first clip
    count: int  # clips; each has the next seed
    scene: Callable[[int], Scene]  # from a seed to what the clip shows

    def file(self, folder: Path) -> Path:
        return folder / f"clips_{self.name}_{self.first}_{self.count}.pt"


CLIPS = Drawn("across", 40_000_000, 224, lambda seed: world.scene(seed, FRAMES, across=True))
ZOOMED = Drawn("zoomed", 50_000_000, 48, lambda seed: world.scene(seed, FRAMES, zoom=1.5, across=True))
SETTINGS = TrainSettings(
    steps=1200,
    learning_rate=2e-3,
    batch_size=2,
    warmup=40,
    learning_rate_curve="cosine",
    average=0.99,
    seed=5,
    timestep_bias=0.6,
    weight_limit=50.0,
    save_every=25,
)
USE_SETTINGS = replace(
    SETTINGS, steps=60, learning_rate=6e-3, warmup=5, learning_rate_curve="constant", average=0.9, seed=7
)
USE_SETTINGS = replace(USE_SETTINGS, timestep_bias=0.2, weight_limit=300.0)
DIRECTION_SETTINGS = replace(SETTINGS, steps=400, learning_rate=4e-4, warmup=20, average=0.98, seed=8)
DIRECTION_SETTINGS = replace(DIRECTION_SETTINGS, timestep_bias=0.4, weight_limit=300.0)
AGAIN_SETTINGS = replace(DIRECTION_SETTINGS, steps=250, seed=9)
ZOOM_SETTINGS = replace(SETTINGS, steps=400, learning_rate=4e-3, warmup=20, seed=6)
RANK = 8


def make_model(model: Any, clip: Any, folder: Path, stop_at: float) -> None:
    """Trains a motion model on MODEL and CLIP and ships it. Raises OutOfTime, with all saved, at `stop_at`."""
    data = clips(CLIPS, clip, folder)
    learner = start_new(model, SETTINGS.seed)
    look_at_neighbours(learner)
    learner = trained("motion", model, learner, data, SETTINGS, folder, stop_at)
    learner = swim_as_told(model, learner, data, folder, stop_at)
    values = {name: parameter.detach() for name, parameter in learner.parameters.items()}
    made = finished(learner, values, Path(models.MOTION).name)
    notes = about((SETTINGS, USE_SETTINGS, DIRECTION_SETTINGS, AGAIN_SETTINGS), CLIPS.count)
    save_motion_model(made, models.FOLDER / models.MOTION, torch.float16, notes)


def swim_as_told(model: Any, learner: Learner, data: Clips, folder: Path, stop_at: float) -> Learner:
    """Teaches a trained motion model the direction of the prompt: see readings.py."""
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        frozen(model, (USE_SETTINGS.batch_size * FRAMES, 4, 16, 16)) as base,
    ):
        network = Network(base, learner.motion, diffusion(base, USE_SETTINGS.schedule(learner.motion.spec.family)))
        batched = batches(base.model, data, USE_SETTINGS, torch.device("cpu"))
        directions = torch.tensor([1.0 if "right" in each.caption else -1.0 for each in data.clips])
        channels = multiply_readings(network, batched, directions)
    learner = trained("use", model, use_of(learner, channels), data, USE_SETTINGS, folder, stop_at)
    learner = trained("direction", model, learner, data, DIRECTION_SETTINGS, folder, stop_at)
    return trained("direction_again", model, learner, data, AGAIN_SETTINGS, folder, stop_at)


def trained(
    name: str, model: Any, learner: Learner, data: Clips, settings: TrainSettings, folder: Path, stop_at: float
) -> Learner:
    """A learner of the whole motion model that begins where a run of `learner` ended."""
    checkpoint = Checkpoint(folder / f"{name}.pt", course(learner, data, settings))
    progress = train(model, learner, data, settings, checkpoint, report(name, folder, stop_at))
    weights = {key: value.detach().clone() for key, value in learner.merge(progress.values).items()}
    return learn_motion_model(learner.motion.spec, weights)


def make_zoom(model: Any, clip: Any, folder: Path, stop_at: float) -> None:
    """Trains a motion LoRA for the shipped motion model on clips whose camera moves in, and ships it."""
    data = clips(ZOOMED, clip, folder)
    learner = learn_motion_lora(load_motion_model(models.FOLDER / models.MOTION), RANK, ZOOM_SETTINGS.seed)
    checkpoint = Checkpoint(folder / "zoom.pt", course(learner, data, ZOOM_SETTINGS))
    progress = train(model, learner, data, ZOOM_SETTINGS, checkpoint, report("zoom", folder, stop_at))
    values = {name: value.half() for name, value in progress.values.items()}
    save_motion_lora(values, learner.motion.spec, models.FOLDER / models.ZOOM, about((ZOOM_SETTINGS,), ZOOMED.count))


def about(settings: Sequence[TrainSettings], count: int) -> dict[str, str]:
    """The metadata of a file that ships."""
    made_with = json.dumps({"train": [asdict(each) for each in settings], "clips": count})
    return {"kinema": "miniature", "commit": commit(), "settings": made_with}


@torch.inference_mode()
def encode(drawn: Drawn, vae: Any, folder: Path) -> None:
    """Keeps the clips as latents of VAE, with their captions, in `folder`, unless they are there."""
    if drawn.file(folder).exists():
        return
    made = list[tuple[torch.Tensor, str]]()
    for seed in range(drawn.first, drawn.first + drawn.count):
        shown = drawn.scene(seed)
        pictures = world.draw(shown)
        with autocast():
            latents = vae.encode(torch.from_numpy(pictures.astype(np.float32) / 255)).half()
        made.append((latents, shown.caption))
    write(drawn.file(folder), {"clips": made})


@torch.inference_mode()
def clips(drawn: Drawn, clip: Any, folder: Path) -> Clips:
    """The clips that `encode` kept, and their captions' conditioning."""
    stored = torch.load(drawn.file(folder))["clips"]
    captions: dict[str, Any] = {text: conditioning(clip, text) for text in ["", *(text for _, text in stored)]}
    made = (
        Clip(latents.float().clone(), captions[text], text, f"clip {i}") for i, (latents, text) in enumerate(stored)
    )
    return Clips(tuple(made), captions[""])


def conditioning(clip: Any, text: str) -> Any:
    return clip.encode_from_tokens_scheduled(clip.tokenize(text))


def report(name: str, folder: Path, stop_at: float) -> Callable[[TrainingProgress], None]:
    """Writes the mean loss into the log now and then, and stops the run in time."""
    log = folder / "log.txt"

    def watch(progress: TrainingProgress) -> None:
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
