"""AnimateLCM-I2V's encoder: what the UNet's encoder is told of a picture, one feature for each of its levels."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

LATENT_CHANNELS = 4
BLOCKS = 2  # of each level


class PictureBlock(nn.Module):
    """A residual block whose second convolution sees one position of the picture only."""

    def __init__(self, before: int, width: int, ops: Any, **factory: Any) -> None:
        super().__init__()
        if before != width:
            self.in_conv = ops.Conv2d(before, width, 1, **factory)
        self.block1 = ops.Conv2d(width, width, 3, padding=1, **factory)
        self.block2 = ops.Conv2d(width, width, 1, **factory)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """`z` (n, c, h, w)."""
        if hasattr(self, "in_conv"):
            z = self.in_conv(z)
        return z + self.block2(F.relu(self.block1(z)))  # type: ignore[no-any-return]


class PictureEncoder(nn.Module):
    """The encoder for a UNet whose levels are `widths` channels wide."""

    def __init__(self, widths: Sequence[int], ops: Any, **factory: Any) -> None:
        super().__init__()
        self.conv_in = ops.Conv2d(LATENT_CHANNELS, widths[0], 3, padding=1, **factory)
        self.body = nn.ModuleList([PictureBlock(*block, ops, **factory) for block in _blocks(widths)])

    def forward(self, latents: torch.Tensor, shifts: torch.Tensor) -> list[torch.Tensor]:
        """The features of n pictures: for each level (n, c, h, w), where h and w are those of the UNet, halved and rounded
        up from level to level.

        `latents` (n, 4, h, w) are scaled as the UNet's input is; `shifts` (n, c) are added at every position after the
        first layer.
        """
        z = self.conv_in(latents) + shifts[:, :, None, None]
        features = []
        for i, block in enumerate(self.body):
            if i and i % BLOCKS == 0:
                z = halved(z)
            z = block(z)
            if i % BLOCKS == BLOCKS - 1:
                features.append(z)
        return features


def halved(z: torch.Tensor) -> torch.Tensor:
    """`z` (n, c, h, w) at half the size: means of 2×2, for which an odd side repeats its last row or column."""
    h, w = z.shape[-2:]
    return F.avg_pool2d(F.pad(z, (0, w % 2, 0, h % 2), mode="replicate"), 2)


def encoder_template(widths: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a PictureEncoder."""
    shapes = _convolution("conv_in", LATENT_CHANNELS, widths[0], 3)
    for i, (before, width) in enumerate(_blocks(widths)):
        if before != width:
            shapes |= _convolution(f"body.{i}.in_conv", before, width, 1)
        shapes |= _convolution(f"body.{i}.block1", width, width, 3)
        shapes |= _convolution(f"body.{i}.block2", width, width, 1)
    return shapes


def _blocks(widths: Sequence[int]) -> list[tuple[int, int]]:
    """The widths before and in each block."""
    of_blocks = [widths[0], *(width for width in widths for _ in range(BLOCKS))]
    return list(pairwise(of_blocks))


def _convolution(name: str, columns: int, rows: int, kernel: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (rows, columns, kernel, kernel), f"{name}.bias": (rows,)}
