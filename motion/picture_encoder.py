"""AnimateLCM-I2V's encoder: what the UNet's encoder is told of a picture, one feature for each of its levels."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from .conv_block import BLOCKS, ConvBlock, block_template, convolution, halved

LATENT_CHANNELS = 4


class PictureEncoder(nn.Module):
    """The encoder for a UNet whose levels are `widths` channels wide."""

    def __init__(self, widths: Sequence[int], ops: Any, **factory: Any) -> None:
        super().__init__()
        self.conv_in = ops.Conv2d(LATENT_CHANNELS, widths[0], 3, padding=1, **factory)
        self.body = nn.ModuleList([ConvBlock(*block, ops, **factory) for block in _blocks(widths)])

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


def encoder_template(widths: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of a PictureEncoder."""
    shapes = convolution("conv_in", LATENT_CHANNELS, widths[0], 3)
    for i, (before, width) in enumerate(_blocks(widths)):
        shapes |= block_template(f"body.{i}", before, width)
    return shapes


def _blocks(widths: Sequence[int]) -> list[tuple[int, int]]:
    """The widths before and in each block."""
    of_blocks = [widths[0], *(width for width in widths for _ in range(BLOCKS))]
    return list(pairwise(of_blocks))
