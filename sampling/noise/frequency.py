"""Low frequencies of one noise, high frequencies of another: the filters of FreeInit, over frames, height and width."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import torch

FilterKind = Literal["butterworth", "gaussian", "ideal", "box"]
FILTERS: tuple[FilterKind, ...] = get_args(FilterKind)


@dataclass(frozen=True)
class LowPass:
    """Which frequencies are low.

    Wu et al., "FreeInit: Bridging Initialization Gap in Video Diffusion Models" (2023); filters as in the authors' code.
    """

    kind: FilterKind = "butterworth"  # shape of the filter
    space: float = 0.25  # spatial stop frequency (0..1), as a fraction of the highest one
    time: float = 0.25  # temporal stop frequency, likewise
    order: int = 4  # of the Butterworth filter: the higher, the steeper; other kinds ignore it

    def response(self, frames: int, height: int, width: int) -> torch.Tensor:
        """How much of each frequency is kept, (f, h, w), 0 to 1; zero frequency is in the middle, at (f//2, h//2, w//2)."""
        return _response(self, frames, height, width)


def mix(low: torch.Tensor, high: torch.Tensor, keeps: torch.Tensor) -> torch.Tensor:
    """FreeInit's mix of videos (f, c, h, w): `keeps` of the frequencies of `low`, the rest of `high`."""
    return _inverse(_frequencies(low) * keeps[:, None] + _frequencies(high) * (1 - keeps[:, None])).real


def mix_unit(low: tuple[torch.Tensor, ...], high: tuple[torch.Tensor, ...], keeps: torch.Tensor) -> torch.Tensor:
    """FreqPrior's mix, which keeps unit variance: of two videos `low` and two `high`, all (f, c, h, w).

    Yuan et al., "FreqPrior: Improving Video Diffusion Models with Frequency Filtering Gaussian Noise" (2025).
    """
    rest = (1 - keeps**2).sqrt()[:, None]
    first = _inverse(_frequencies(low[0]) * keeps[:, None] + _frequencies(high[0]) * rest)
    second = _inverse(_frequencies(low[1]) * keeps[:, None] + _frequencies(high[1]) * rest)
    return (first.real + first.imag + second.real - second.imag) / 2**0.5


@lru_cache(maxsize=8)
def _response(low_pass: LowPass, frames: int, height: int, width: int) -> torch.Tensor:
    space, time = low_pass.space, low_pass.time
    if space == 0 or time == 0:
        return torch.zeros(frames, height, width)
    if low_pass.kind == "box":
        return _box(frames, height, width, round(frames // 2 * time), round(height // 2 * space))
    t = _evenly(frames)
    y = _evenly(height)
    x = _evenly(width)
    squared = (space / time * t[:, None, None]) ** 2 + y[:, None] ** 2 + x**2
    if low_pass.kind == "gaussian":
        kept = torch.exp(-squared / (2 * space**2))
    elif low_pass.kind == "ideal":
        kept = (squared <= 2 * space).double()  # the authors' code has it so: not space squared
    else:
        kept = 1 / (1 + (squared / space**2) ** low_pass.order)
    return kept.float()


def _evenly(count: int) -> torch.Tensor:
    """Frequencies (count,) in the order of the transform, from -1 on."""
    return 2 * torch.arange(count, dtype=torch.float64) / count - 1


def _box(frames: int, height: int, width: int, time: int, space: int) -> torch.Tensor:
    """The authors' box: as wide as it is high, both from the height."""
    kept = torch.zeros(frames, height, width)
    spans = [
        slice(max(0, n // 2 - half), n // 2 + half) for n, half in ((frames, time), (height, space), (width, space))
    ]
    kept[tuple(spans)] = 1.0
    return kept


def _frequencies(video: torch.Tensor) -> torch.Tensor:
    frequencies: torch.Tensor = torch.fft.fftshift(torch.fft.fftn(video.float(), dim=_AXES), dim=_AXES)
    return frequencies


def _inverse(frequencies: torch.Tensor) -> torch.Tensor:
    video: torch.Tensor = torch.fft.ifftn(torch.fft.ifftshift(frequencies, dim=_AXES), dim=_AXES)
    return video


_AXES = (0, 2, 3)
