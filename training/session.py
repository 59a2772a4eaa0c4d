"""A whole run with its files: the state from which it can continue, and the motion model or LoRA that it makes."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.model_management
import torch

from ..motion.atomic import check_writable
from ..motion.host import HostModel
from ..motion.save import save_motion_model
from .checkpoint import STATE_SUFFIX, Checkpoint, check_replaceable
from .clips import Clips
from .config import TrainSettings
from .learner import Learner, Weights, finished
from .loop import TrainingProgress, Watch, course, train
from .motion_lora import save_motion_lora
from .objective import Loss, motion_loss
from .processes import ALONE, Processes
from .record import Record
from .sparse_learner import SparseHalves, save_sparsectrl

Save = Callable[[Weights, Path, Mapping[str, str]], Path]
"""Writes what was learned to a file with metadata."""

Tell = Callable[[str], None]
"""Shows a sentence to the user."""


@dataclass(frozen=True)
class Session:
    """A run that writes a file, with its state in another file next to it."""

    model: HostModel  # MODEL in which the learner trains
    learner: Learner  # what is trained
    clips: Clips  # to learn from
    settings: TrainSettings  # of the run
    file: Path  # what is written
    save: Save  # writes `file`
    loss: Loss = motion_loss  # yields the terms of a batch's loss
    identity: Mapping[str, Any] | None = None  # what decides the course besides settings, such as options of the loss
    processes: Processes = ALONE  # that run it together, each with a Session like this
    start_again: bool = False  # whether what an earlier run of this file has learned is discarded
    other_clips: bool = False  # whether an earlier run goes on with clips other than its own
    tell: Tell = logging.info  # hears what the user should know

    def run(self, watch: Watch) -> Record:
        """Continues where an earlier run of this file stopped; begins if there is none, or if it is to start again. A run
        that is finished stays as it is.

        Interrupted, it saves the state and the file too. Raises ValueError for an existing file without a training state.
        """
        state = self.file.with_suffix(STATE_SUFFIX)
        check_replaceable(self.file)
        if self.processes.leads:
            check_writable(self.file)
        decides = course(self.learner, self.clips, self.settings, **(self.identity or {}))
        checkpoint = Checkpoint(state, decides, self.start_again, self.other_clips)
        if self.file.exists() and (finished := checkpoint.finished(self.settings.steps)):
            return self._finished(*finished)
        return self._trained(checkpoint, watch)

    def _finished(self, state: Mapping[str, Any], otherwise: str) -> Record:
        """The record of a run that needs no step; `otherwise` says what it was not trained with."""
        done = state["step"]
        sentence = f'"{self.file.name}" is finished. Steps done: {done}.'
        if not otherwise and self.settings.learning_rate_curve == "constant":
            otherwise = "To train it further, raise steps."
        self.tell(f"{sentence} {otherwise}".strip())
        return Record(done, self.settings.steps, state["losses"], state.get("measurements", []))

    def _trained(self, checkpoint: Checkpoint, watch: Watch) -> TrainingProgress:
        latest: list[TrainingProgress] = []

        def seen(progress: TrainingProgress) -> None:
            latest[:] = [progress]
            watch(progress)

        try:
            done = train(
                self.model,
                self.learner,
                self.clips,
                self.settings,
                checkpoint,
                seen,
                self.loss,
                self.processes,
                self.tell,
            )
        except comfy.model_management.InterruptProcessingException:
            if latest:
                self.save(latest[0].values, self.file, self.metadata(latest[0].step))
                self.tell(
                    f"Stopped after {latest[0].step} of {self.settings.steps} steps, which are saved. "
                    "Run it again to continue."
                )
            raise
        if self.processes.leads:
            self.save(done.values, self.file, self.metadata(done.step))
        return done

    def metadata(self, steps: int) -> dict[str, str]:
        """What the file says about itself."""
        settings = self.settings.values(self.learner.motion.spec.family)
        about = settings | {"steps": steps, "clips": len(self.clips.clips), **(self.identity or {})}
        return {"trained_with": json.dumps(about), "date": time.strftime("%Y-%m-%d")}


def motion_model_saver(learner: Learner, dtype: torch.dtype) -> Save:
    """Writes motion models in `dtype`."""

    def save(values: Weights, path: Path, metadata: Mapping[str, str]) -> Path:
        return save_motion_model(finished(learner, values, path.name), path, dtype, metadata)

    return save


def motion_lora_saver(learner: Learner, rank: int) -> Save:
    """Writes motion LoRAs."""

    def save(values: Weights, path: Path, metadata: Mapping[str, str]) -> Path:
        return save_motion_lora(values, learner.motion.spec, path, {"rank": str(rank), **metadata})

    return save


def sparsectrl_saver(halves: SparseHalves, dtype: torch.dtype) -> Save:
    """Writes SparseCtrl models in `dtype`."""

    def save(values: Weights, path: Path, metadata: Mapping[str, str]) -> Path:
        return save_sparsectrl(values, halves, path, dtype, metadata)

    return save
