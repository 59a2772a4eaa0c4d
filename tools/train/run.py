"""A training on the command line; imported once the host is."""

import logging
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import comfy.model_management
import comfy.sd
import torch

from kinema.motion.load import load_motion_model
from kinema.training.clip_encoder import Encoder
from kinema.training.jobs import TrainingJob, session_for
from kinema.training.loop import TrainingProgress
from kinema.training.loss_plot import loss_plot, moving_average
from kinema.training.prepare_clips import prepare_clips
from kinema.training.processes import ProcessError, Processes, joined
from kinema.training.record import Record
from kinema.training.sample import SampleSettings, samples_remark, save_sample
from kinema.training.videos import Cut
from tools.train.job import Job

REPORT_EVERY = 10.0  # seconds


def train(job: Job, file: Path) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: comfy.model_management.interrupt_current_processing())
    try:
        with joined() as processes:
            _run(job, file, processes)
    except comfy.model_management.InterruptProcessingException:
        return 130
    except (ValueError, OSError) as error:
        sys.exit(f"{file.name}: {error}")
    except ProcessError as error:  # which that process has told, if it runs on this machine
        sys.exit(f"{file.name}: {error}" if os.environ["LOCAL_RANK"] == "0" else 1)
    return 0


def _run(job: Job, file: Path, processes: Processes) -> None:
    model, clip, vae = comfy.sd.load_checkpoint_guess_config(str(job.run.checkpoint))[:3]
    data = job.clips
    cut = Cut(data.frames, data.stride, data.width, data.height, data.crop, data.clips_per_video)
    encoder = Encoder(vae, cut, data.flip, data.cache)
    clips, found = prepare_clips(encoder, clip, data.prompt, data.folder, processes=processes)
    if processes.leads:
        print(found[0], flush=True)
    session = session_for(
        TrainingJob(
            model=model,
            clips=clips,
            settings=job.settings,
            file=job.run.output,
            motion=None if job.run.motion_model is None else load_motion_model(job.run.motion_model),
            kind=job.run.kind,
            dtype=torch.float16 if job.run.fp16 else torch.float32,
            lora=job.lora,
            sparsectrl=job.sparsectrl,
            other_clips=job.run.other_clips,
            tell=partial(print, flush=True) if processes.leads else logging.debug,
            processes=processes,
        )
    )
    remark = samples_remark(job.run.sample_every, job.settings.steps)
    if processes.leads and remark:
        print(remark, flush=True)
    report = Report(session.file, job.run.sample_every)
    try:
        done = session.run(report)
    except comfy.model_management.InterruptProcessingException:
        if processes.leads:
            print(f"To continue, run `dev.py train {file.name}` again.", flush=True)
        raise
    if processes.leads:
        report.print(done)
        loss_plot(done).save(session.file.with_suffix(".loss.png"))
        print(f"The result is {session.file}")


def in_words(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


class Report:
    """Prints how a run goes, and writes sample animations beside its file."""

    def __init__(self, file: Path, sample_every: int) -> None:
        self._file = file
        self._sample_every = sample_every
        self._first: tuple[int, float] | None = None
        self._last = 0.0

    def __call__(self, progress: TrainingProgress) -> None:
        now = time.monotonic()
        self._first = self._first or (progress.step, now)
        if now - self._last >= REPORT_EVERY:
            self._last = now
            self.print(progress)
        if self._sample_every and progress.step % self._sample_every == 0:
            self._sample(progress)

    def print(self, progress: Record) -> None:
        line = f"step {progress.step} of {progress.steps}, loss {moving_average(progress.losses)[-1]:.4f}"
        first, since = self._first or (progress.step, time.monotonic())
        if progress.step > first:
            each = (time.monotonic() - since) / (progress.step - first)
            left = each * (progress.steps - progress.step)
            line += f", {each:.2f} s per step, {in_words(left)} left"
        print(line, flush=True)

    def _sample(self, progress: TrainingProgress) -> None:
        save_sample(progress.sample(SampleSettings()), self._file, progress.step)
