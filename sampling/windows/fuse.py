"""Fuse methods: the weights by which overlapping windows are blended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp

from .cut import Window


@dataclass(frozen=True)
class Overlapping:
    """A window among others, and all else that its weights may depend on."""

    places: Window  # the frames of this one
    frames: int  # of the whole video
    overlap: int  # frames that a window shares with the next one
    sigma: float  # noise level of the step


def flat(window: Overlapping) -> list[float]:
    return [1.0] * len(window.places)


def pyramid(window: Overlapping) -> list[float]:
    """1, 2, ... up to the middle and down again (FreeNoise, section 3.2)."""
    length = len(window.places)
    return [float(min(i + 1, length - i)) for i in range(length)]


def overlap_linear(window: Overlapping) -> list[float]:
    """1, with a linear ramp from nothing over the overlap, except at the first and last frame of the video."""
    length = len(window.places)
    ramp = min(window.overlap, length)
    weights = [1.0] * length
    for i in range(ramp):
        share = max(i / (ramp - 1), TINY) if ramp > 1 else 0.5
        if window.places[0] != 0:
            weights[i] = min(weights[i], share)
        if window.places[-1] != window.frames - 1:
            weights[-1 - i] = min(weights[-1 - i], share)
    return weights


def relative(window: Overlapping) -> list[float]:
    """Falls linearly from 1 in the middle to 0.01 at the ends."""
    middle = (len(window.places) - 1) / 2
    return [max(0.01, 1 - abs(i - middle) / (middle + 0.005)) for i in range(len(window.places))]


def delayed_reverse_sawtooth(window: Overlapping) -> list[float]:
    """Next to nothing up to the middle, where it jumps to its peak and falls linearly: later frames win."""
    length = len(window.places)
    peak = (length + 1) // 2
    return [0.01] * (peak - 1) + [float(min(peak, length - i)) for i in range(peak - 1, length)]


def gauss(window: Overlapping, share: float) -> list[float]:
    """A Gaussian over frames whose standard deviation goes from 1 frame (`share` 0) to 9 (`share` 1)."""
    middle = (len(window.places) - 1) / 2
    deviation = 1 + 8 * share
    return [max(exp(-(((i - middle) / deviation) ** 2) / 2), TINY) for i in range(len(window.places))]


def spire(window: Overlapping, share: float) -> list[float]:
    """From only the middle (`share` 0) to a pyramid (`share` 1)."""
    slopes = pyramid(window)
    peak = max(slopes)
    return [max(0.001, share * w + (1 - share) * (peak if w == peak else -peak)) for w in slopes]


def noisiness(sigma: float) -> float:
    """0 for a clean picture to 1 for a noise level of 4 and more."""
    return min(4.0, sigma) / 4.0


TINY = 1e-9
"""Stands in for a weight of zero, so that a frame that only one window has is still that window's."""


@dataclass(frozen=True, kw_only=True)
class Fuse:
    """A way to weigh the windows that share a frame."""

    weights: Callable[[Overlapping], list[float]]  # one for each frame of the window, above 0
    words: str  # for the help page
    uses_sigma: bool = False  # whether the weights change with the noise level


FUSES: dict[str, Fuse] = {
    "pyramid": Fuse(
        weights=pyramid,
        words="Each frame mostly follows the window in which it is closest to the middle.",
    ),
    "flat": Fuse(
        weights=flat,
        words="All windows have the same weight.",
    ),
    "overlap-linear": Fuse(
        weights=overlap_linear,
        words="Within the overlap, the weights cross-fade linearly from one window to the next.",
    ),
    "relative": Fuse(
        weights=relative,
        words="Like pyramid, but the weight falls to almost nothing at both ends of a window.",
    ),
    "delayed-reverse-sawtooth": Fuse(
        weights=delayed_reverse_sawtooth,
        words="The weight is highest in the middle of a window and falls towards its end; the first half of the "
        "window has almost no weight.",
    ),
    "gauss-sigma": Fuse(
        weights=lambda window: gauss(window, noisiness(window.sigma)),
        words="The weights form a bell curve, which is wide while the picture is noise and narrow once it is clean.",
        uses_sigma=True,
    ),
    "gauss-sigma-inverse": Fuse(
        weights=lambda window: gauss(window, 1 - noisiness(window.sigma)),
        words="The weights form a bell curve, which is narrow while the picture is noise and wide once it is clean.",
        uses_sigma=True,
    ),
    "pyramid-sigma": Fuse(
        weights=lambda window: spire(window, noisiness(window.sigma)),
        words="Like pyramid while the picture is noise; once it is clean, only the middle of each window has weight.",
        uses_sigma=True,
    ),
    "pyramid-sigma-inverse": Fuse(
        weights=lambda window: spire(window, 1 - noisiness(window.sigma)),
        words="While the picture is noise, only the middle of each window has weight; once it is clean, the "
        "weights are like those of pyramid.",
        uses_sigma=True,
    ),
}


@lru_cache(maxsize=256)
def fuse_weights(
    method: str, windows: tuple[Window, ...], frames: int, overlap: int, sigma: float = 0.0
) -> tuple[tuple[float, ...], ...]:
    """For each window the weights of its frames: positive, and over all windows of a frame they sum to 1."""
    weights = [FUSES[method].weights(Overlapping(window, frames, overlap, sigma)) for window in windows]
    total = [0.0] * frames
    for window, parts in zip(windows, weights, strict=True):
        for frame, weight in zip(window, parts, strict=True):
            total[frame] += weight
    return tuple(_shares(window, parts, total) for window, parts in zip(windows, weights, strict=True))


def _shares(window: Window, weights: Sequence[float], total: Sequence[float]) -> tuple[float, ...]:
    return tuple(weight / total[frame] for frame, weight in zip(window, weights, strict=True))
