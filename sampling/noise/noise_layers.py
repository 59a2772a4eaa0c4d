"""Layers of noise that replace, add to or blend with those beneath, everywhere or under a mask, at unit variance."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import comfy.utils
import torch

from .noise_pattern import NoisePattern
from .noise_seeds import FrameSeeds

Mode = Literal["replace", "blend", "add"]
MODES: tuple[Mode, ...] = get_args(Mode)

LAYER = 0x9E3779B9
"""What the seeds of a layer are ahead of those of the layer beneath: two layers of one seed are independent."""


@dataclass(frozen=True)
class NoiseLayer:
    """One layer of noise, and how it lies over the layers beneath."""

    pattern: NoisePattern = field(default_factory=NoisePattern)  # of the noise over the frames
    seeds: FrameSeeds = field(default_factory=FrameSeeds)  # what its noise is drawn from
    first_frame: int = 0  # the frame of the drawn noise with which the video begins
    mode: Mode = "replace"  # how it lies over the layers beneath
    weight: float = 0.5  # 0..1, of this layer where it blends or adds
    mask: torch.Tensor | None = field(default=None, compare=False)  # (n, H, W), 0..1; None: everywhere
    given: Any = None  # NOISE of another node, used instead of drawn noise; None: noise is drawn

    @property
    def hides_all(self) -> bool:
        return self.mode == "replace" and self.mask is None

    @property
    def draws_as_host(self) -> bool:
        """Whether its independent noise is what the host draws for the sampler's seed."""
        return self.seeds == FrameSeeds() and self.first_frame == 0

    def reach(self, frames: Sequence[int]) -> int:
        """How many frames of independent noise it takes to arrange that of `frames`, places in the video."""
        return max(frames) + 1 + self.first_frame

    def arranged(self, drawn: torch.Tensor, seed: int, frames: Sequence[int]) -> torch.Tensor:
        """The noise of `frames` from as much `drawn` independent noise; `seed` is the sampler's."""
        return self.pattern.arrange(drawn, seed + self.seeds.seed)[[frame + self.first_frame for frame in frames]]

    def over(self, beneath: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """`own` noise of this layer laid over the noise `beneath`, both (f, c, h, w), independent, of unit variance."""
        if self.hides_all:
            return own
        mask: Any = 1.0
        if self.mask is not None:
            mask = comfy.utils.reshape_mask(self.mask.float(), own.shape).to(own)
        if self.mode == "add":
            return _unit_sum(beneath, own, 1.0, self.weight * mask)
        share = mask if self.mode == "replace" else self.weight * mask
        return _unit_sum(beneath, own, 1.0 - share, share)


def _unit_sum(a: torch.Tensor, b: torch.Tensor, of_a: Any, of_b: Any) -> torch.Tensor:
    unit: torch.Tensor = (of_a * a + of_b * b) / (of_a**2 + of_b**2) ** 0.5
    return unit
