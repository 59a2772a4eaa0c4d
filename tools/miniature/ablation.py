"""The paper's ablation of noise schedules: a short training on each of A, B and C, each then sampled as it was trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from kinema.miniature import models
from kinema.motion.save import save_motion_model
from kinema.training.config import ABLATION
from kinema.training.learner import finished, start_new

from . import motion
from .heads import look_at_neighbours

STEPS = 400
TITLES = {letter: f"schedule {letter}, {STEPS} steps" for letter in ABLATION}


def make(folder: Path, stop_at: float) -> None:
    """Trains a motion model on each. Raises OutOfTime, with all saved, at `stop_at`."""
    model, clip, _ = models.load_miniature()
    data = motion.clips(motion.CLIPS, clip, folder)
    for letter in ABLATION:
        settings = replace(motion.SETTINGS, steps=STEPS, noise_schedule=letter)
        learner = start_new(model, settings.seed)
        look_at_neighbours(learner)
        learner = motion.trained(f"schedule_{letter}", model, learner, data, settings, folder, stop_at)
        values = {name: parameter.detach() for name, parameter in learner.parameters.items()}
        made = finished(learner, values, file(folder, letter).name)
        save_motion_model(made, file(folder, letter), torch.float16, motion.about((settings,), motion.CLIPS.count))


def file(folder: Path, letter: str) -> Path:
    """The motion model trained on the schedule `letter`."""
    return folder / f"schedule_{letter}.safetensors"
