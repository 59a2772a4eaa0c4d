"""The sampling preview plays the animation. At every step the host shows another frame, where it would show the first, and
web/preview.js, this pack's part of the web client, gets all frames and plays them until the next step."""

import base64
import inspect
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import latent_preview
import torch
from PIL import ImageOps
from server import PromptServer

from ..call.parts import Callback

PLAYED, OFF = "kinema.preview", "kinema.previews_off"  # messages for the web client
PREVIEW_FPS = 8
MOST_FRAMES = 32
"""Of longer videos, every second, third, ... frame is played."""

QUALITY = 75
"""Of the JPEG that each frame is sent as: about 10 KB at 512 x 512."""


@contextmanager
def played(callback: Callback | None, plays: bool) -> Iterator[Callback | None]:
    """The callback for a run's sampler, which plays if the preview `plays` and `callback` is one that can."""
    closed_over = inspect.getclosurevars(callback).nonlocals if inspect.isfunction(callback) else {}
    if callback is None or not plays or "previewer" not in closed_over:  # not the host's
        yield callback
        return
    previewer = closed_over["previewer"]
    if previewer is None:
        _send(OFF, {})
    if type(previewer).__module__ != latent_preview.__name__:  # those of other packs may show all frames
        yield callback
        return
    player = Player(callback, previewer)
    yield player
    player.finish()


class Player:
    """Calls `callback` with the frames in another order, the one to be shown first."""

    def __init__(self, callback: Callback, previewer: Any) -> None:
        self._callback = callback
        self._previewer = previewer
        self._turned: tuple[int, torch.Tensor, torch.Tensor, int] | None = None

    def __call__(self, step: int, denoised: torch.Tensor, noisy: torch.Tensor, steps: int) -> Any:
        frame = frame_at(step, steps, denoised.shape[0])
        self._turned = (step, denoised, noisy, steps) if frame else None
        _send_frames(self._previewer, denoised, frame)
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


def _send_frames(previewer: Any, denoised: torch.Tensor, first: int) -> None:
    """The frames of `denoised` (f, c, h, w) for the web client, which plays them from the frame `first` on. Not where each
    would keep a CPU busy with a decoder."""
    is_by_colours = isinstance(previewer, latent_preview.Latent2RGBPreviewer)
    if _client() is None or (denoised.device.type == "cpu" and not is_by_colours):
        return
    stride = -(-denoised.shape[0] // MOST_FRAMES)
    frames = [_as_text(previewer, frame[None]) for frame in denoised[::stride]]
    _send(PLAYED, {"frames": frames, "first": first // stride, "fps": PREVIEW_FPS / stride})


def _as_text(previewer: Any, frame: torch.Tensor) -> str:
    """One frame (1, c, h, w) as a JPEG of the size that the host's own previews have, in base64."""
    _, picture, size = previewer.decode_latent_to_preview_image("JPEG", frame)
    file = io.BytesIO()
    ImageOps.contain(picture, (size, size)).save(file, "JPEG", quality=QUALITY)
    return base64.b64encode(file.getvalue()).decode()


def _client() -> str | None:
    """The web client whose prompt runs; None for scripts and where no server runs."""
    return getattr(getattr(PromptServer, "instance", None), "client_id", None)


def _send(message: str, data: dict[str, Any]) -> None:
    client = _client()
    if client is not None:
        PromptServer.instance.send_sync(message, data, client)
