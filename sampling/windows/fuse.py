"""How much each window says about each of its frames, where windows overlap."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp

from .cut import Window


@dataclass(frozen=True)
class Place:
    """What the weights of one window may depend on; `sigma` is the noise level of the step."""

    window: Window
    frames: int
    overlap: int
    sigma: float


def flat(place: Place) -> list[float]:
    return [1.0] * len(place.window)


def pyramid(place: Place) -> list[float]:
    """1, 2, ... up to the middle and down again (FreeNoise, section 3.2)."""
    length = len(place.window)
    return [float(min(i + 1, length - i)) for i in range(length)]


def overlap_linear(place: Place) -> list[float]:
    """1, with a linear ramp from nothing over the overlap, except at the first and last frame of the video."""
    length, ramp = len(place.window), min(place.overlap, len(place.window))
    weights = [1.0] * length
    for i in range(ramp):
        share = max(i / (ramp - 1), TINY) if ramp > 1 else 0.5
        if place.window[0] != 0:
            weights[i] = min(weights[i], share)
        if place.window[-1] != place.frames - 1:
            weights[-1 - i] = min(weights[-1 - i], share)
    return weights


def relative(place: Place) -> list[float]:
    """Falls linearly from 1 in the middle to 0.01 at the ends."""
    middle = (len(place.window) - 1) / 2
    return [max(0.01, 1 - abs(i - middle) / (middle + 0.005)) for i in range(len(place.window))]


def delayed_reverse_sawtooth(place: Place) -> list[float]:
    """Next to nothing up to the middle, where it jumps to its peak and falls linearly: later frames win."""
    length = len(place.window)
    peak = (length + 1) // 2
    return [0.01] * (peak - 1) + [float(min(peak, length - i)) for i in range(peak - 1, length)]


def gauss(place: Place, share: float) -> list[float]:
    """A Gaussian over frames whose standard deviation goes from 1 frame (`share` 0) to 9 (`share` 1)."""
    middle, deviation = (len(place.window) - 1) / 2, 1 + 8 * share
    return [max(exp(-(((i - middle) / deviation) ** 2) / 2), TINY) for i in range(len(place.window))]


def spire(place: Place, share: float) -> list[float]:
    """From only the middle (`share` 0) to a pyramid (`share` 1)."""
    slopes = pyramid(place)
    peak = max(slopes)
    return [max(0.001, share * w + (1 - share) * (peak if w == peak else -peak)) for w in slopes]


def noisiness(sigma: float) -> float:
    """0 for a clean picture to 1 for a noise level of 4 and more."""
    return min(4.0, sigma) / 4.0


TINY = 1e-9
"""Stands in for a weight of zero, so that a frame that only one window has is still that window's."""

FUSES: dict[str, Callable[[Place], list[float]]] = {
    "pyramid": pyramid,
    "flat": flat,
    "overlap-linear": overlap_linear,
    "relative": relative,
    "delayed-reverse-sawtooth": delayed_reverse_sawtooth,
    "gauss-sigma": lambda place: gauss(place, noisiness(place.sigma)),
    "gauss-sigma-inverse": lambda place: gauss(place, 1 - noisiness(place.sigma)),
    "pyramid-sigma": lambda place: spire(place, noisiness(place.sigma)),
    "pyramid-sigma-inverse": lambda place: spire(place, 1 - noisiness(place.sigma)),
}

SIGMA_FUSES = frozenset(name for name in FUSES if "sigma" in name)
"""Those whose weights change with the noise level."""


@lru_cache(maxsize=256)
def fuse_weights(
    method: str, windows: tuple[Window, ...], frames: int, overlap: int, sigma: float = 0.0
) -> tuple[tuple[float, ...], ...]:
    """For each window the weights of its frames: positive, and over all windows of a frame they sum to 1."""
    weights = [FUSES[method](Place(window, frames, overlap, sigma)) for window in windows]
    total = [0.0] * frames
    for window, parts in zip(windows, weights, strict=True):
        for frame, weight in zip(window, parts, strict=True):
            total[frame] += weight
    return tuple(_shares(window, parts, total) for window, parts in zip(windows, weights, strict=True))


def _shares(window: Window, weights: Sequence[float], total: Sequence[float]) -> tuple[float, ...]:
    return tuple(weight / total[frame] for frame, weight in zip(window, weights, strict=True))
