"""The miniature's SparseCtrl model, trained by the product's own training code on clips of the drawn world.

The image model and the motion model are frozen. Most captions are empty, so that the picture alone says what there is to
see.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from kinema.miniature import models
from kinema.motion.load import load_motion_model
from kinema.training.checkpoint import Checkpoint
from kinema.training.loop import course, train
from kinema.training.sparse_learner import learn_sparsectrl, new_halves, save_sparsectrl, sparse_loss

from . import world
from .motion import FRAMES, SETTINGS, Drawn, about, clips, report

ANYWHERE = Drawn("anywhere", 60_000_000, 600, lambda seed: world.scene(seed, FRAMES))
SPARSE_SETTINGS = replace(SETTINGS, steps=780, learning_rate=1.2e-3, batch_size=1, accumulation=2, warmup=30, seed=31)
SPARSE_SETTINGS = replace(SPARSE_SETTINGS, caption_dropout=0.8)


def make_sparsectrl(model: Any, clip: Any, folder: Path, stop_at: float) -> None:
    """Trains a SparseCtrl model for photographs and ships it. Raises OutOfTime, with all saved, at `stop_at`."""
    motion = load_motion_model(models.FOLDER / models.MOTION)
    halves = new_halves(model, motion, SPARSE_SETTINGS.seed)
    learner = learn_sparsectrl(motion, halves)
    data = clips(ANYWHERE, clip, folder)
    checkpoint = Checkpoint(folder / "sparsectrl.pt", course(learner, data, SPARSE_SETTINGS))
    watch = report("sparsectrl", folder, stop_at)
    done = train(model, learner, data, SPARSE_SETTINGS, checkpoint, watch, sparse_loss(halves))
    notes = about((SPARSE_SETTINGS,), ANYWHERE.count)
    save_sparsectrl(done.values, halves, models.FOLDER / models.SPARSE_CONTROL, torch.float16, notes)
