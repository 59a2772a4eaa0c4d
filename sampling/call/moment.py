"""The moment of a model call, and what a number that varies is asked for there."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ...motion.host import HostSampling
from .frames import Frames, frames_of, levels_of
from .progress import Progress, progress_of

PerFrame = float | torch.Tensor
"""A number, or float32 (f, 1, h, w): f and h, w are those of the Moment, or 1 where nothing varies."""


@dataclass(frozen=True)
class Moment:
    """What a curve is asked for."""

    frames: Frames  # of the model call
    size: tuple[int, int] = (1, 1)  # (h, w) of its latents
    progress: Progress | None = None  # how far the run is; None: at its start
    each: tuple[Progress, ...] = ()  # how far it is for each frame, where their noise levels differ

    def apart(self) -> "list[Moment]":
        """The moment of each frame, where their noise levels differ."""
        frames = (Frames(1, (index,), self.frames.total) for index in self.frames.indices)
        return [Moment(frame, self.size, progress) for frame, progress in zip(frames, self.each, strict=True)]


def moment_of(
    latents: torch.Tensor, sigma: Any, model_sampling: HostSampling, transformer_options: Mapping[str, Any]
) -> Moment:
    """The Moment of a prediction of `latents` (f, c, h, w) at the noise level `sigma`: of a whole video, or of the part of
    one whose frames are at noise levels of their own."""
    count, _, h, w = latents.shape
    is_part = bool(levels_of(transformer_options))
    frames = frames_of(latents, transformer_options) if is_part else Frames(count, tuple(range(count)), count)
    return moment_at(frames, (h, w), sigma, model_sampling, transformer_options)


def moment_at(
    frames: Frames,
    size: tuple[int, int],
    sigma: Any,
    model_sampling: HostSampling,
    transformer_options: Mapping[str, Any],
) -> Moment:
    """The Moment of `frames` of `size` (h, w) at the noise level `sigma`, or at those that the options tell of each frame."""
    levels = levels_of(transformer_options)
    each = tuple(progress_of(level, model_sampling, transformer_options) for level in levels)
    return Moment(frames, size, progress_of(sigma, model_sampling, transformer_options), each)


@dataclass(frozen=True)
class Part:
    """A motion module of the UNet, or one of its attentions."""

    place: str  # in the published key layout
    attention: int | None = None  # 0 or 1


class Curve(ABC):
    """A number that varies. Its subclasses say over what."""

    over_blocks = False

    @abstractmethod
    def at(self, moment: Moment, part: Part | None = None) -> PerFrame:
        """The value at `moment` in `part` of the UNet. Raises ValueError for a curve over blocks without a part."""
