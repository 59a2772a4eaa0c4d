"""The miniature's SparseCtrl and CameraCtrl, trained by the product's own training code on clips of the drawn world.

The image model and the motion model are frozen. In half of the clips the caption is empty, so that the control alone says
what there is to see.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from kinema.miniature import models
from kinema.motion.load import load_motion_model
from kinema.training.camera_learner import camera_loss, learn_camera_ctrl, new_camera_ctrl, save_camera_ctrl
from kinema.training.checkpoint import Checkpoint
from kinema.training.loop import course, train
from kinema.training.sparse_learner import learn_sparsectrl, new_halves, save_sparsectrl, sparse_loss

from . import world
from .filmed import any_move, clip_by
from .motion import FRAMES, SETTINGS, Drawn, about, clips, report

ANYWHERE = Drawn("anywhere", 60_000_000, 600, lambda seed: world.scene(seed, FRAMES))
FILMED = Drawn("filmed", 70_000_000, 400, lambda seed: clip_by(seed, any_move(seed), FRAMES))
CONTROL_SETTINGS = replace(SETTINGS, caption_dropout=0.5, timestep_bias=0.8, weight_limit=20.0, save_every=50)
SPARSE_SETTINGS = replace(CONTROL_SETTINGS, steps=1800, learning_rate=1e-3, seed=31)
CAMERA_SETTINGS = replace(CONTROL_SETTINGS, steps=800, learning_rate=2e-3, seed=41)


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


def make_cameractrl(model: Any, clip: Any, folder: Path, stop_at: float) -> None:
    """The same for a CameraCtrl model."""
    motion = load_motion_model(models.FOLDER / models.MOTION)
    camera = new_camera_ctrl(motion, CAMERA_SETTINGS.seed)
    moves = [any_move(seed) for seed in range(FILMED.first, FILMED.first + FILMED.count)]
    learner = learn_camera_ctrl(motion, camera)
    data = clips(FILMED, clip, folder)
    checkpoint = Checkpoint(folder / "cameractrl.pt", course(learner, data, CAMERA_SETTINGS))
    watch = report("cameractrl", folder, stop_at)
    done = train(model, learner, data, CAMERA_SETTINGS, checkpoint, watch, camera_loss(camera, moves))
    notes = about((CAMERA_SETTINGS,), FILMED.count)
    file = models.FOLDER / models.CAMERA_CONTROL
    save_camera_ctrl(done.values, camera, motion.model.spec, file, torch.float16, notes)
