"""A run of the queue: what it starts from, and the frames that leave it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch

from ..windows.batches import WindowBatches, WindowGroup
from ..windows.several_gpus import Gpus
from .noise_queue import NoiseQueue, QueuePart, ddim_step

Denoise = Callable[[torch.Tensor, QueuePart], torch.Tensor]
"""The clean pictures that the model predicts for latents (f, c, h, w) of a part of the queue."""


@dataclass(frozen=True)
class Left:
    """A frame that has left the queue."""

    number: int  # in the video, from 0; below 0: a copy of the start, which is no part of it
    latent: torch.Tensor  # (1, c, h, w)
    next_clean: torch.Tensor  # (l, c, h, w), what the model predicts for the next frames


@dataclass(frozen=True)
class QueueRun:
    """How the queue is run. Latents are (f, c, h, w), in the scale of the model."""

    queue: NoiseQueue  # its places and noise levels
    denoise: Denoise  # asks the model
    draw: Callable[[int], torch.Tensor]  # unit noise for so many frames; another one each time
    fresh: Callable[[torch.Tensor], torch.Tensor]  # frames of nothing but noise, from unit noise
    eta: float = 1.0  # share (0..1) of the noise of DDPM that each step adds
    at_once: int = 1  # windows that go through the UNet together, at most
    batches: WindowBatches = field(default_factory=WindowBatches)  # groups the windows

    def sampled_start(
        self, noise: torch.Tensor, after_step: Callable[[int, torch.Tensor, torch.Tensor], None]
    ) -> torch.Tensor:
        """The frames of one window, sampled from unit `noise` as a video of that length. `after_step` is told the number of
        each step from 0, the prediction and the latents."""
        queue = self.queue
        x = self.fresh(noise)
        for step, (level, lower) in enumerate(zip(queue.levels, queue.levels[1:], strict=False)):
            part = QueuePart([tuple(range(queue.length))], queue.frames, (level,) * queue.length)
            clean = self.denoise(x, part)
            x = ddim_step(x, clean, _column([level], x), _column([lower], x), self.eta, self.draw(queue.length))
            after_step(step, clean, x)
        return x

    def frames(self, start: torch.Tensor) -> Iterator[Left]:
        """The frames that leave the queue, one after each pass, for a video that begins with `start` (l, c, h, w)."""
        queue = self.queue
        before = queue.before
        rows = queue.first_rows(start, self.draw(before + queue.steps))
        levels = _column(queue.levels[-2::-1], rows)
        lower = _column(queue.levels[:0:-1], rows)
        for done in range(queue.passes):
            clean = self._clean(rows, done)
            rows[before:] = ddim_step(rows[before:], clean, levels, lower, self.eta, self.draw(queue.steps))
            yield Left(done - queue.warm_up, rows[before : before + 1].clone(), clean[: queue.length])
            rows = torch.cat([rows[1:], self.fresh(self.draw(1))])
            rows[before - 1 : before] *= queue.finished_scale  # none where no finished frames are kept

    def _clean(self, rows: torch.Tensor, done: int) -> torch.Tensor:
        """The model's prediction for all places of the queue, after `done` passes."""
        queue = self.queue
        clean = torch.empty_like(rows[queue.before :])

        def run(group: WindowGroup, _device: torch.device) -> torch.Tensor:
            return self.denoise(rows[group.index_list], queue.part(group, done))

        # The paper denoises the noisiest window first; as a window keeps only rows that no later one reads, order is free
        groups = self.batches.compute(queue.windows, self.at_once, len(rows), Gpus((rows.device,)), run)
        for group, predicted in groups:
            for window, seen in zip(
                torch.tensor(group.index_list).split(group.frames_each), predicted.split(group.frames_each), strict=True
            ):
                clean[window[queue.before :] - queue.before] = seen[queue.before :]
        return clean


def _column(levels: "list[float] | tuple[float, ...]", like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(levels, dtype=like.dtype, device=like.device).view(-1, 1, 1, 1)
