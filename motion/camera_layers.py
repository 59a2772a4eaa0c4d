"""CameraCtrl's layers: an encoder of camera rays, and one linear layer for the first attention of each motion module.

He et al., "CameraCtrl: Enabling Camera Control for Text-to-Video Generation" (2024), sections 3.3 and 3.4; every number is
in the published code.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .control import Control, Tokens
from .conv_block import BLOCKS, ConvBlock, halved
from .families import FAMILIES
from .layers import TemporalTransformerBlock
from .spec import MotionSpec
from .windowed import FrameWindows

PIXELS_A_SIDE = 8
"""Height and width, in pixels, of what one latent stands for."""
RAY = 6
"""Numbers of a ray: its moment and its direction."""
FRAMES = 16
"""Positions that the encoder knows."""


@dataclass(frozen=True)
class CameraSpec:
    """A CameraCtrl model as read from its keys and shapes."""

    widths: tuple[int, ...]  # channels of each level of the encoder
    modules: tuple[tuple[str, int], ...]  # place of each motion module that it changes, and its width in channels
    heads: int = 8  # of each attention of the encoder


class PoseEncoder(nn.Module):
    """From the rays of a camera to features for each level of the UNet. Its parts have the names of the published files."""

    def __init__(self, spec: CameraSpec, ops: Any, **factory: Any) -> None:
        super().__init__()
        temporal = MotionSpec(FAMILIES["v3"], (), FRAMES, attentions=1, heads=spec.heads)
        befores = (spec.widths[0], *spec.widths[:-1])
        self.encoder_conv_in = ops.Conv2d(RAY * PIXELS_A_SIDE**2, spec.widths[0], 3, padding=1, **factory)
        self.encoder_down_conv_blocks = nn.ModuleList(
            nn.ModuleList(ConvBlock(width if block else before, width, ops, **factory) for block in range(BLOCKS))
            for before, width in zip(befores, spec.widths, strict=True)
        )
        self.encoder_down_attention_blocks = nn.ModuleList(
            nn.ModuleList(TemporalTransformerBlock(width, temporal, ops, **factory) for _ in range(BLOCKS))
            for width in spec.widths
        )

    def forward(self, rays: Iterable[torch.Tensor], views: FrameWindows | None = None) -> list[torch.Tensor]:
        """The features of each level, (h, w, l, c) with h and w halved and rounded up from level to level.

        `rays` are (6, H, W) for each of l frames, H and W multiples of 8; taken one by one, because they are large. More
        than 16 frames need `views`, windows in which the attentions see them.
        """
        x = torch.cat(
            [self.encoder_conv_in(F.pixel_unshuffle(frame[None], PIXELS_A_SIDE)) for frame in rays]
        )  # (l, c, h, w)
        control = Control(windows=views)
        features = []
        levels = zip(self.encoder_down_conv_blocks, self.encoder_down_attention_blocks, strict=True)
        for level, (convs, attentions) in enumerate(levels):
            if level:
                x = halved(x)
            for conv, attention in zip(convs, attentions, strict=True):  # type: ignore[call-overload]
                x = conv(x)
                length, channels, height, width = x.shape
                tokens = x.permute(2, 3, 0, 1).reshape(-1, length, channels)  # (h*w, l, c)
                tokens = attention(tokens, control, Tokens(1, length, (height, width)))
                tokens = tokens.view(height, width, length, channels)
                x = tokens.permute(2, 3, 0, 1)  # (l, c, h, w)
            features.append(tokens)
        return features


class CameraCtrl(nn.Module):
    """A pose encoder and what makes a motion model follow it."""

    def __init__(self, spec: CameraSpec, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.spec = spec
        self.encoder = PoseEncoder(spec, ops, **factory)
        self.merges = nn.ModuleDict({merge_name(place): ops.Linear(c, c, **factory) for place, c in spec.modules})

    def merge(self, place: str) -> nn.Module | None:
        """The layer for the motion module at `place`; None: it has none there, as in a mid block."""
        name = merge_name(place)
        if name not in self.merges:
            return None
        return self.merges[name]


def merge_name(place: str) -> str:
    """The name in `CameraCtrl.merges` of the layer for the motion module at `place`."""
    return place.replace(".", "-")


def level_of(place: str, levels: int) -> int:
    """Which of the encoder's `levels` serves the motion module at `place`: the one of its size."""
    side, _, rest = place.partition(".")
    if side == "mid_block":
        return levels - 1
    number = int(rest.split(".")[0])
    return number if side == "down_blocks" else levels - 1 - number
