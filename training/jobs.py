"""From what a node or a settings file asks for to a run: the one place where its parts are put together."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..motion.families import FAMILIES
from ..motion.host import HostModel, HostMotion
from .checkpoint import STATE_SUFFIX, glance
from .clips import Clips
from .config import LoraOptions, TrainSettings
from .learner import Learner, start_from, start_new
from .motion_director import appearance, director_loss, with_appearance
from .motion_lora import learn_motion_lora
from .objective import prediction_of
from .processes import ALONE, Processes
from .session import Save, Session, Tell, motion_lora_saver, motion_model_saver, sparsectrl_saver
from .sparse_learner import learn_sparsectrl, new_halves, sparse_loss


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """What is to be trained."""

    model: HostModel  # MODEL to learn motion for
    clips: Clips  # to learn from
    settings: TrainSettings  # of the run
    file: Path  # what to write
    motion: HostMotion | None = None  # MOTION_MODEL to continue from, or to teach with a LoRA; None: a new one
    kind: str | None = None  # family of a new motion model; None: the usual one for the model
    dtype: torch.dtype = torch.float16  # of the file of a motion model
    lora: LoraOptions | None = None  # None: the whole motion model is trained
    sparsectrl: bool = False  # whether a SparseCtrl model for the motion model is trained instead
    start_again: bool = False  # whether what an earlier run of the file has learned is discarded
    other_clips: bool = False  # whether an earlier run goes on with clips other than its own
    tell: Tell = logging.info  # hears what the user should know
    processes: Processes = ALONE  # that train it together


def session_for(job: TrainingJob) -> Session:
    """The run of `job`. Raises ValueError for what cannot be trained."""
    for sentence in what_does_not_act(job):
        job.tell(sentence)
    job = _with_stored_seed(job)
    if job.sparsectrl:
        return _sparsectrl_session(job)
    return _model_session(job) if job.lora is None else _lora_session(job, job.lora)


def what_does_not_act(job: TrainingJob) -> list[str]:
    """Sentences about what is set, but has no effect in the run of `job`."""
    settings = job.settings
    sentences = []
    if job.kind is not None and job.motion is not None:
        sentences.append("kind has no effect, because a motion model is connected.")
    if job.start_again and job.other_clips:
        sentences.append("other_clips has no effect, because start_again is on.")
    if settings.weight_limit > 1 and _predicts_velocity(job.model):
        sentences.append("weight_limit has no effect, because the connected model uses v-prediction.")
    if settings.caption_dropout > 0 and not any(clip.caption for clip in job.clips.clips):
        sentences.append("caption_dropout has no effect, because the clips have no captions.")
    return sentences


def _predicts_velocity(model: HostModel) -> bool:
    return prediction_of(model.get_model_object("model_sampling")) == "velocity"


def _with_stored_seed(job: TrainingJob) -> TrainingJob:
    """`job` with the seed that an earlier run of its file began with, if that goes on."""
    state = None if job.start_again else glance(job.file.with_suffix(STATE_SUFFIX))
    asked = job.settings.seed
    if state is None or state["course"]["seed"] == asked:
        return job
    stored = state["course"]["seed"]
    job.tell(
        f"The training continues with the seed {stored} that it began with, not with {asked}. To use {asked}, start a new "
        "run under another name."
    )
    return replace(job, settings=replace(job.settings, seed=stored))


def _session(job: TrainingJob, learner: Learner, save: Save, **more: Any) -> Session:
    return Session(
        job.model,
        learner,
        job.clips,
        job.settings,
        job.file,
        save,
        processes=job.processes,
        start_again=job.start_again,
        other_clips=job.other_clips,
        tell=job.tell,
        **more,
    )


def _model_session(job: TrainingJob) -> Session:
    if job.motion is not None:
        learner = start_from(job.motion)
    else:
        learner = start_new(job.model, job.settings.seed, None if job.kind is None else FAMILIES[job.kind])
    return _session(job, learner, motion_model_saver(learner, job.dtype))


def _taught(job: TrainingJob) -> HostMotion:
    """The motion model that a LoRA or a SparseCtrl model is trained for."""
    assert job.motion is not None  # nodes and `dev.py train` require one
    return job.motion


def _lora_session(job: TrainingJob, lora: LoraOptions) -> Session:
    learner = learn_motion_lora(_taught(job), lora.rank, job.settings.seed)
    looks = appearance(job.model, lora.rank, job.settings.seed) if lora.learn_looks_apart else None
    if looks is not None:
        learner = with_appearance(learner, looks)
    loss = director_loss(job.model, looks, lora.debias)
    identity = {"rank": lora.rank, "debias": lora.debias}
    return _session(job, learner, motion_lora_saver(learner, lora.rank), loss=loss, identity=identity)


def _sparsectrl_session(job: TrainingJob) -> Session:
    motion = _taught(job)
    halves = new_halves(job.model, motion, job.settings.seed)
    learner = learn_sparsectrl(motion, halves)
    identity = {"learns": "SparseCtrl"}
    return _session(job, learner, sparsectrl_saver(halves, job.dtype), loss=sparse_loss(halves), identity=identity)
