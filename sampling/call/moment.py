"""The moment of a model call, and what a number that varies is asked for there."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ...motion.host import HostSampling
from .frames import Frames
from .progress import Progress, progress_of

PerFrame = float | torch.Tensor
"""A number, or float32 (f, 1, h, w): f and h, w are those of the Moment, or 1 where nothing varies."""


@dataclass(frozen=True)
class Moment:
    """What a curve is asked for."""

    frames: Frames  # of the model call
    size: tuple[int, int] = (1, 1)  # (h, w) of its latents
    progress: Progress | None = None  # how far the run is; None: at its start


def moment_of(
    latents: torch.Tensor, sigma: Any, model_sampling: HostSampling, transformer_options: Mapping[str, Any]
) -> Moment:
    """The Moment of a whole video, `latents` (f, c, h, w), at the noise level `sigma`."""
    count, _, h, w = latents.shape
    frames = Frames(count, tuple(range(count)), count)
    return Moment(frames, (h, w), progress_of(sigma, model_sampling, transformer_options))


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
