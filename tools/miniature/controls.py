"""The miniature's SparseCtrl model, trained by the product's own training code on clips of the drawn world.

The image model and the motion model are frozen. Most captions are empty, so that the picture alone says what there is to
see. Whole clips alone teach little: one frame of sixteen has a picture, and the others do not know yet that they should
look at it. Pieces of two and of four frames teach that quickly, as more of their frames have pictures and each step sees
more fish.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from kinema.miniature import models
from kinema.motion.load import load_motion_model
from kinema.training.checkpoint import Checkpoint
from kinema.training.clips import Clips
from kinema.training.config import TrainSettings
from kinema.training.loop import course, train
from kinema.training.on_disk import in_memory
from kinema.training.sparse_learner import learn_sparsectrl, new_halves, save_sparsectrl, sparse_loss

from . import world
from .motion import FRAMES, SETTINGS, Drawn, about, clips, report

ANYWHERE = Drawn("anywhere", 60_000_000, 600, lambda seed: world.scene(seed, FRAMES))
WHOLE_SETTINGS = replace(SETTINGS, steps=780, learning_rate=1.2e-3, batch_size=1, accumulation=2, warmup=30, seed=31)
WHOLE_SETTINGS = replace(WHOLE_SETTINGS, caption_dropout=0.8)
PIECES_SETTINGS = replace(WHOLE_SETTINGS, warmup=20, timestep_bias=0.4, weight_limit=300.0)
"""More weight on high noise, where colours and places are decided."""


@dataclass(frozen=True)
class Lesson:
    """A part of the training, which continues where the part before ended."""

    name: str  # in the log and in that of its checkpoint
    frames: int  # of the pieces into which the clips are cut
    settings: TrainSettings  # of this part


def _pieces(name: str, frames: int, steps: int, learning_rate: float, seed: int) -> Lesson:
    """Each step sees as many frames as with whole clips."""
    how = replace(PIECES_SETTINGS, steps=steps, learning_rate=learning_rate, batch_size=FRAMES // frames, seed=seed)
    return Lesson(name, frames, how)


LESSONS = (
    Lesson("first", FRAMES, WHOLE_SETTINGS),
    _pieces("pairs", 2, steps=300, learning_rate=1e-3, seed=33),
    _pieces("fours", 4, steps=120, learning_rate=1e-3, seed=34),
    _pieces("whole", FRAMES, steps=400, learning_rate=8e-4, seed=35),
    _pieces("pairs_again", 2, steps=300, learning_rate=1.2e-3, seed=36),
    _pieces("fours_again", 4, steps=120, learning_rate=1.2e-3, seed=37),
    _pieces("whole_again", FRAMES, steps=180, learning_rate=8e-4, seed=38),
)


def make_sparsectrl(model: Any, clip: Any, folder: Path, stop_at: float) -> None:
    """Trains a SparseCtrl model for photographs and ships it. Raises OutOfTime, with all saved, at `stop_at`."""
    motion = load_motion_model(models.FOLDER / models.MOTION)
    halves = new_halves(model, motion, WHOLE_SETTINGS.seed)
    learner = learn_sparsectrl(motion, halves)
    data = clips(ANYWHERE, clip, folder)
    for lesson in LESSONS:
        pieces = cut(data, lesson.frames)
        checkpoint = Checkpoint(folder / f"sparsectrl_{lesson.name}.pt", course(learner, pieces, lesson.settings))
        watch = report(f"sparsectrl, {lesson.name}", folder, stop_at)
        done = train(model, learner, pieces, lesson.settings, checkpoint, watch, sparse_loss(halves))
        with torch.no_grad():
            for name, parameter in learner.parameters.items():
                parameter.copy_(done.values[name])
    notes = about([lesson.settings for lesson in LESSONS], ANYWHERE.count)
    save_sparsectrl(learner.parameters, halves, models.FOLDER / models.SPARSE_CONTROL, torch.float16, notes)


def cut(data: Clips, frames: int) -> Clips:
    """The clips, cut into pieces of `frames` frames, which divides theirs."""
    pieces = [replace(each, latents=part) for each in data.clips for part in in_memory(each.latents).split(frames)]
    return replace(data, clips=tuple(pieces))
