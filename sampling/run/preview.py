"""The sampling preview plays the animation: at every step the host shows another frame, where it would show the first."""

import inspect
from typing import Any

import torch

from ..call.parts import Callback


def play_preview(
    executor: Any, noise: Any, latent_image: Any, sampler: Any, sigmas: Any, denoise_mask: Any = None,
    callback: Callback | None = None, *args: Any, **kwargs: Any,
) -> Any:  # fmt: skip
    """OUTER_SAMPLE wrapper: gives the sampler a callback that plays."""
    if callback is None or not _shows_first_frame(callback):
        return executor(noise, latent_image, sampler, sigmas, denoise_mask, callback, *args, **kwargs)
    player = Player(callback)
    result = executor(noise, latent_image, sampler, sigmas, denoise_mask, player, *args, **kwargs)
    player.finish()
    return result


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
