"""Windows of frames inside a motion module: its attentions see a few frames at a time, the rest of it each frame once.

Qiu et al., "FreeNoise", section 3.1 (window-based attention fusion): windows are weighted, summed and normalised after
the attentions and before the feed-forward.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class FrameWindows:
    """w windows of l frames each that cover the f frames of a video."""

    places: torch.Tensor  # (w, l), the frames of each window as indices from 0 to f - 1
    shares: torch.Tensor  # (w, l), weight of each window at each of its frames; those of one frame sum to 1

    def over(self, attend: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """What `attend`, given (b*w, l, c), makes of `x` (b, f, c) window by window, fused to (b, f, c)."""
        count, length = self.places.shape
        parts = x[:, self.places].flatten(0, 1)  # (b*w, l, c)
        parts = attend(parts).view(-1, count, length, x.shape[2])
        fused = torch.zeros_like(x)
        for i, share in enumerate(self.shares.to(x.dtype)[..., None]):  # one by one: the sum has a fixed order
            fused.index_add_(1, self.places[i], parts[:, i] * share)
        return fused
