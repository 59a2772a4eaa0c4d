"""The sampling preview plays the animation: at every step the host shows another frame, where it would show the first."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ..call.parts import Callback


@contextmanager
def played(callback: Callback | None, plays: bool) -> Iterator[Callback | None]:
    """The callback for a run's sampler, which plays if the preview `plays` and `callback` is one that can."""
    if callback is None or not plays or not _shows_first_frame(callback):
        yield callback
        return
    player = Player(callback)
    yield player
    player.finish()


def _shows_first_frame(callback: Callback) -> bool:
    """Whether `callback` is the host's, with a previewer of the host's: those of other packs may show all frames."""
    previewer = inspect.getclosurevars(callback).nonlocals.get("previewer") if inspect.isfunction(callback) else None
    return type(previewer).__module__ == "latent_preview"


class Player:
    """Calls `callback` with the frames in another order, the one to be shown first."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._turned: tuple[int, torch.Tensor, torch.Tensor, int] | None = None

    def __call__(self, step: int, denoised: torch.Tensor, noisy: torch.Tensor, steps: int) -> Any:
        frame = frame_at(step, steps, denoised.shape[0])
        self._turned = (step, denoised, noisy, steps) if frame else None
        return self._callback(step, denoised.roll(-frame, 0) if frame else denoised, noisy, steps)

    def finish(self) -> None:
        """Hands over the last frames in their own order: the host keeps what it got last as a second output."""
        if self._turned is not None:
            self._callback(*self._turned)


def frame_at(step: int, steps: int, frames: int) -> int:
    """The frame to show after `step` (0, 1, ...): through the whole video once, and the first at the end."""
    if step + 1 >= steps:
        return 0
    return min(frames - 1, step * frames // (steps - 1))
