"""What the encoders of AnimateLCM-I2V and of CameraCtrl are built from."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

BLOCKS = 2
"""Blocks of each level of these encoders."""


class ConvBlock(nn.Module):
    """A residual block: z + 1×1(ReLU(3×3 z)), after a 1×1 where the width changes."""

    def __init__(self, before: int, width: int, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.in_conv = ops.Conv2d(before, width, 1, **factory) if before != width else None
        self.block1 = ops.Conv2d(width, width, 3, padding=1, **factory)
        self.block2 = ops.Conv2d(width, width, 1, **factory)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """`z` (n, c, h, w)."""
        if self.in_conv is not None:
            z = self.in_conv(z)
        return z + self.block2(F.relu(self.block1(z)))  # type: ignore[no-any-return]


def block_template(name: str, before: int, width: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of the ConvBlock `name`."""
    shapes = convolution(f"{name}.block1", width, width, 3) | convolution(f"{name}.block2", width, width, 1)
    return shapes if before == width else shapes | convolution(f"{name}.in_conv", before, width, 1)


def convolution(name: str, before: int, width: int, kernel: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of the convolution `name`."""
    return {f"{name}.weight": (width, before, kernel, kernel), f"{name}.bias": (width,)}


def halved(z: torch.Tensor) -> torch.Tensor:
    """`z` (n, c, h, w) at half the size, rounded up as the UNet's layers do: means of 2×2, for which an odd side repeats its
    last row or column."""
    h, w = z.shape[-2:]
    return F.avg_pool2d(F.pad(z, (0, w % 2, 0, h % 2), mode="replicate"), 2)
