"""What people see while a model trains: progress, the curve of the loss, and an animation made with what it knows."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import comfy.utils
import torch
from comfy_api.latest import io, ui
from PIL import Image

from ...sampling.run.on_node import say
from ...training.jobs import TrainingJob, session_for
from ...training.loop import TrainingProgress
from ...training.loss_plot import loss_plot
from ...training.record import Record
from ...training.sample import FPS, SampleSettings, samples_remark, save_sample
from .pictures import image_of

INTERVAL = 0.25
"""Seconds between previews at least. Each shows the next frame, so the sample animation moves."""


def run_training(job: TrainingJob, sample_every: int, node: type[io.ComfyNode]) -> tuple[Any, Any]:
    """Runs `job` on `node` with its preview, and says there what the user should know. Returns the plot of the loss (IMAGE)
    and what the node shows in the end."""
    told: list[str] = []

    def tell(sentence: str) -> None:
        told.append(sentence)
        say(" ".join(told))

    if remark := samples_remark(sample_every, job.settings.steps):
        tell(remark)
    preview = TrainingPreview(job.file, job.settings.steps, sample_every)
    done = session_for(replace(job, tell=tell)).run(preview)
    return image_of(loss_plot(done)), preview.final(done, node)


class TrainingPreview:
    """To be called after each step. Every `sample_every` steps it samples and keeps the sample next to `file`, which is what
    the training writes; never if that is 0."""

    def __init__(self, file: Path, steps: int, sample_every: int) -> None:
        self.frames: list[Image.Image] = []
        self._file = file
        self._bar = comfy.utils.ProgressBar(steps)
        self._sample_every = sample_every
        self._shown = 0
        self._last = 0.0

    def __call__(self, progress: TrainingProgress) -> None:
        if self._sample_every and progress.step % self._sample_every == 0:
            self.sample(progress)
        now = time.monotonic()
        if now - self._last < INTERVAL and progress.step < progress.steps:
            self._bar.update_absolute(progress.step, progress.steps)
            return
        self._last = now
        picture = self._picture(progress)
        self._bar.update_absolute(progress.step, progress.steps, ("JPEG", picture, max(picture.size)))

    def sample(self, progress: TrainingProgress) -> None:
        self.frames = progress.sample(SampleSettings())
        save_sample(self.frames, self._file, progress.step)

    def _picture(self, progress: TrainingProgress) -> Image.Image:
        """The loss, and below it one frame of the sample animation."""
        plot = loss_plot(progress)
        if not self.frames:
            return plot
        frame = self.frames[self._shown % len(self.frames)]
        self._shown += 1
        frame = frame.resize((plot.width // 2, plot.width // 2 * frame.height // frame.width))
        both = Image.new("RGB", (plot.width, plot.height + frame.height), "white")
        both.paste(plot)
        both.paste(frame, ((plot.width - frame.width) // 2, plot.height))
        return both

    def final(self, progress: Record, node: type[io.ComfyNode]) -> Any:
        """The sample animation as the node's last preview; the loss where there is none."""
        if not self.frames:
            return ui.PreviewImage(image_of(loss_plot(progress)), cls=node)
        frames = torch.cat([image_of(frame) for frame in self.frames])
        file = ui.ImageSaveHelper.save_animated_webp(
            frames, "kinema_training", io.FolderType.temp, node, FPS, lossless=False, quality=90, method=4
        )
        return ui.PreviewVideo([file])
