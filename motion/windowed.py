"""Windows of frames inside a motion module: its attentions see a few frames at a time, the rest of it each frame once.

Qiu et al., "FreeNoise", section 3.1 (window-based attention fusion): windows are weighted, summed and normalised after
the attentions and before the feed-forward.

Lu et al., "FreeLong", NeurIPS 2024, section 4.2 (SpectralBlend temporal attention): the low frequencies of attentions over
all frames and the high ones of those in windows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class FrameWindows:
    """w windows of l frames each that cover the f frames of a video."""

    places: torch.Tensor  # (w, l), the frames of each window as indices from 0 to f - 1
    shares: torch.Tensor  # (w, l), weight of each window at each of its frames; those of one frame sum to 1
    low_pass: torch.Tensor | None = None  # (f, f), what attentions over all frames give of their result; None: nothing

    def over(self, attend: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """What `attend`, given (b*w, l, c), makes of `x` (b, f, c) window by window, fused to (b, f, c)."""
        count, length = self.places.shape
        parts = x[:, self.places].flatten(0, 1)  # (b*w, l, c)
        return self.fused(attend(parts).view(-1, count, length, x.shape[2]), x.shape[1])

    def fused(self, parts: torch.Tensor, frames: int) -> torch.Tensor:
        """`parts` (b, w, l, c) of the windows as (b, f, c)."""
        fused = parts.new_zeros(len(parts), frames, parts.shape[3])
        for i, share in enumerate(self.shares.to(parts.dtype)[..., None]):  # one by one: the sum has a fixed order
            fused.index_add_(1, self.places[i], parts[:, i] * share)
        return fused

    def blended(self, windowed: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
        """`whole` (b, f, c) in the low frequencies over the frames, and `windowed` (b, f, c) in the others."""
        assert self.low_pass is not None
        return windowed + torch.matmul(self.low_pass.to(whole), whole - windowed)


def low_pass_filter(frames: int, share: float) -> torch.Tensor:
    """The matrix (f, f), float64, that keeps the lower `share` (0..1) of the frequencies of `frames` values.

    Frequencies are those of the cosine transform (DCT-II): it mirrors the video at its ends, where a Fourier transform
    would join the last frame to the first. The lowest of them is the mean.
    """
    number = torch.arange(frames, dtype=torch.float64)
    waves = torch.cos(torch.pi / frames * number[:, None] * (number + 0.5)) * (2 / frames) ** 0.5  # (frequency, frame)
    waves[0] /= 2**0.5
    kept = waves[number < share * frames]
    return torch.matmul(kept.T, kept)
