"""How the noise of one frame relates to that of others: constant, repeated, rescheduled, empty, correlated with its
neighbour."""

from dataclasses import dataclass
from typing import Literal, get_args

import torch

from .freenoise import reschedule

Kind = Literal["independent", "constant", "repeated", "FreeNoise", "empty"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class NoisePattern:
    """How the noise of a frame depends on that of others. Raises ValueError where FreeNoise's overlap is not
    smaller than its length."""

    kind: Kind = "independent"  # which pattern
    correlation: float = 0.0  # 0..1, of each frame with the one before it
    length: int = 16  # frames of a window, for "repeated" and "FreeNoise"
    overlap: int = 4  # frames that consecutive windows share, for "FreeNoise"

    def __post_init__(self) -> None:
        if self.kind == "FreeNoise" and self.overlap >= self.length:
            raise ValueError(
                f"An overlap of {self.overlap} is not smaller than the window of {self.length} frames. Set length and "
                f"overlap to the values of your windows, or set overlap to a quarter of length: {self.length // 4}."
            )

    def arrange(self, noise: torch.Tensor, seed: int) -> torch.Tensor:
        """Independent unit noise (f, ...) in this pattern, of unit variance again unless it is empty; `seed` is for
        FreeNoise's order."""
        if self.kind == "empty":
            return torch.zeros_like(noise)
        noise = correlate(noise, self.correlation)
        if self.kind == "constant":
            return noise[:1].expand_as(noise).clone()
        if self.kind == "repeated":
            return noise[torch.arange(noise.shape[0]) % self.length]
        return reschedule(noise, self.length, self.overlap, seed) if self.kind == "FreeNoise" else noise


def correlate(noise: torch.Tensor, correlation: float) -> torch.Tensor:
    """Noise (f, ...) in which frames that are n apart have the correlation `correlation` ** n.

    Ge et al., "Preserve Your Own Correlation" (2023), section 4.1, "progressive noise model".
    """
    if correlation == 0.0:
        return noise
    frames = [noise[0]]
    for fresh in noise[1:]:
        frames.append(correlation * frames[-1] + (1 - correlation**2) ** 0.5 * fresh)
    return torch.stack(frames)
