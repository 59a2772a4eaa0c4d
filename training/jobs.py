"""From what a node or a settings file asks for to a run: the one place where its parts are put together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..motion.families import FAMILIES
from .clips import Clips
from .config import LoraOptions, TrainSettings
from .learner import start_from, start_new
from .motion_director import appearance, director_loss, with_appearance
from .motion_lora import learn_motion_lora
from .processes import ALONE, Processes
from .session import Session, motion_lora_saver, motion_model_saver, sparsectrl_saver
from .sparse_learner import learn_sparsectrl, new_halves, sparse_loss


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What is to be trained."""

    model: Any  # MODEL to learn motion for
    clips: Clips  # to learn from
    settings: TrainSettings  # of the run
    file: Path  # what to write
    motion: Any = None  # MOTION_MODEL to continue from, or to teach with a LoRA; None: a new one
    kind: str | None = None  # family of a new motion model; None: the usual one for the model
    dtype: torch.dtype = torch.float16  # of the file of a motion model
    lora: LoraOptions | None = None  # None: the whole motion model is trained
    sparsectrl: bool = False  # whether a SparseCtrl model for the motion model is trained instead
    processes: Processes = ALONE  # that train it together


def session_for(job: TrainingJob) -> Session:
    """The run of `job`. Raises ValueError for what cannot be trained."""
    if job.sparsectrl:
        return _sparsectrl_session(job)
    return _model_session(job) if job.lora is None else _lora_session(job, job.lora)


def _model_session(job: TrainingJob) -> Session:
    if job.motion is not None:
        learner = start_from(job.motion)
    else:
        learner = start_new(job.model, job.settings.seed, None if job.kind is None else FAMILIES[job.kind])
    save = motion_model_saver(learner, job.dtype)
    return Session(job.model, learner, job.clips, job.settings, job.file, save, processes=job.processes)


def _lora_session(job: TrainingJob, lora: LoraOptions) -> Session:
    learner = learn_motion_lora(job.motion, lora.rank, job.settings.seed)
    looks = appearance(job.model, lora.rank, job.settings.seed) if lora.learn_looks_apart else None
    if looks is not None:
        learner = with_appearance(learner, looks)
    return Session(
        job.model,
        learner,
        job.clips,
        job.settings,
        job.file,
        save=motion_lora_saver(learner, lora.rank),
        loss=director_loss(job.model, looks, lora.debias),
        identity={"rank": lora.rank, "debias": lora.debias},
        processes=job.processes,
    )


def _sparsectrl_session(job: TrainingJob) -> Session:
    halves = new_halves(job.model, job.motion, job.settings.seed)
    return Session(
        job.model,
        learn_sparsectrl(job.motion, halves),
        job.clips,
        job.settings,
        job.file,
        save=sparsectrl_saver(halves, job.dtype),
        loss=sparse_loss(halves),
        identity={"learns": "SparseCtrl"},
        processes=job.processes,
    )
