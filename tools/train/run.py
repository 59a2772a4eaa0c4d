"""A training on the command line; imported once the host is."""

import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.sd
import numpy as np
import torch
from PIL import Image

from kinema.motion.families import FAMILIES
from kinema.motion.load import load_motion_model
from kinema.motion.spec import Family, NoiseSchedule
from kinema.training.clips import Clips
from kinema.training.config import ABLATION, TrainSettings
from kinema.training.learner import Learner, start_from, start_new
from kinema.training.loop import Progress
from kinema.training.loss_plot import loss_plot, running_mean
from kinema.training.motion_director import appearance, director_loss, with_appearance
from kinema.training.motion_lora import learn_motion_lora
from kinema.training.prepare_clips import Encoder, encode_captions, encode_sources
from kinema.training.sample import Sample
from kinema.training.session import Session, motion_lora_saver, motion_model_saver
from kinema.training.videos import Cut, find_sources
from tools.train.job import Data, Job

REPORT_EVERY = 10.0  # seconds


def train(job: Job, file: Path) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: comfy.model_management.interrupt_current_processing())
    try:
        _run(job)
    except comfy.model_management.InterruptProcessingException:
        print(f"Stopped and saved. `dev.py train {file.name}` goes on.")
        return 130
    except (ValueError, OSError) as error:
        sys.exit(f"{file.name}: {error}")
    return 0


def _run(job: Job) -> None:
    model, clip, vae = comfy.sd.load_checkpoint_guess_config(str(job.run.checkpoint))[:3]
    clips = _clips(job.clips, vae, clip)
    session = _session(job, model, clips)
    report = Report(session, vae, job.run.sample_every)
    done = session.run(report)
    report.print(done)
    loss_plot(done.losses, done.steps).save(session.file.with_suffix(".loss.png"))
    print(f"Saved {session.file}")


def _clips(data: Data, vae: Any, clip: Any) -> Clips:
    cut = Cut(data.frames, data.stride, data.width, data.height, data.crop, data.clips_per_video)
    sources = find_sources(data.folder)
    latents, skipped = encode_sources(Encoder(vae, cut, data.flip, data.cache), sources, lambda: None)
    if not latents:
        raise ValueError(f'none of the {len(sources)} videos in "{data.folder}" can be used. {" ".join(skipped[:3])}')
    clips = encode_captions(latents, clip, data.prompt)
    print(f"{len(clips.clips)} clips of {data.frames} frames from {len(latents)} videos", flush=True)
    return clips


def _session(job: Job, model: Any, clips: Clips) -> Session:
    seed = job.settings.get("seed", TrainSettings.seed)
    motion = None if job.run.motion_model is None else load_motion_model(job.run.motion_model)
    if job.lora is not None:
        learner = learn_motion_lora(motion, job.lora.rank, seed)
        looks = appearance(model, job.lora.rank, seed) if job.lora.learn_looks_apart else None
        learner = learner if looks is None else with_appearance(learner, looks)
        settings = _settings(job.settings, learner)
        save, loss = motion_lora_saver(learner, job.lora.rank), director_loss(model, looks, job.lora.debias)
        identity = {"rank": job.lora.rank, "debias": job.lora.debias}
        return Session(model, learner, clips, settings, job.run.output, save, loss, identity)
    learner = start_from(motion) if motion else start_new(model, seed, _family(job.run.kind))
    save = motion_model_saver(learner, torch.float16 if job.run.fp16 else torch.float32)
    return Session(model, learner, clips, _settings(job.settings, learner), job.run.output, save)


def _settings(table: dict[str, Any], learner: Learner) -> TrainSettings:
    schedule = table.get("schedule", replace(learner.motion.spec.family.schedule, lcm_steps=None))
    if isinstance(schedule, str):
        if schedule not in ABLATION:
            raise ValueError(f'schedule is "{schedule}", and can be A, B, C or a table of betas, first and last.')
        schedule = ABLATION[schedule]
    elif isinstance(schedule, dict):
        schedule = NoiseSchedule(**schedule)
    try:
        return TrainSettings(**{**table, "schedule": schedule})
    except TypeError as error:
        raise ValueError(f"[settings]: {str(error).partition('__() ')[2]}.") from None


def _family(name: str | None) -> Family | None:
    if name is not None and name not in FAMILIES:
        raise ValueError(f'kind is "{name}", and can be {", ".join(FAMILIES)}.')
    return None if name is None else FAMILIES[name]


class Report:
    """Prints how a run goes, and writes sample animations beside its file."""

    def __init__(self, session: Session, vae: Any, sample_every: int) -> None:
        self._file, self._vae, self._sample_every = session.file, vae, sample_every
        self._first: tuple[int, float] | None = None
        self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        self._first = self._first or (progress.step, now)
        if now - self._last >= REPORT_EVERY:
            self._last = now
            self.print(progress)
        if self._sample_every and progress.step % self._sample_every == 0:
            self._sample(progress)

    def print(self, progress: Progress) -> None:
        line = f"step {progress.step} of {progress.steps}, loss {running_mean(progress.losses)[-1]:.4f}"
        first, since = self._first or (progress.step, time.monotonic())
        if progress.step > first:
            each = (time.monotonic() - since) / (progress.step - first)
            left = each * (progress.steps - progress.step)
            line += f", {each:.2f} s a step, {left / 60:.0f} min left"
        print(line, flush=True)

    def _sample(self, progress: Progress) -> None:
        pictures = self._vae.decode(progress.sample(Sample())).detach().cpu().clamp(0, 1).numpy()
        first, *others = (Image.fromarray(np.uint8(picture * 255 + 0.5)) for picture in pictures)
        name = f"{self._file.stem}_{progress.step:06d}.webp"
        first.save(self._file.with_name(name), save_all=True, append_images=others, duration=125, loop=0)
