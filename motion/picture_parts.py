"""What a motion model that animates a picture has besides motion modules, as its file stores it.

PIA (Zhang et al., "PIA: Your Personalized Image Animator", 3.2) widens the first layer of the UNet by five channels;
AnimateLCM-I2V (Wang et al., "AnimateLCM", 4.4) adds an encoder of pictures.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from .picture_encoder import PictureEncoder, encoder_template
from .spec import MotionSpec, PictureInput

PICTURE_ATTACHMENT = "kinema_picture"
"""Attachment key of a MOTION_MODEL for the picture that it animates."""

PICTURE_CHANNELS = 5
"""Of the mask and of a picture's latent, in this order: PIA's last input channels."""
ALL_CHANNELS = 9
"""Of the latent and of these."""
CONV_IN = "conv_in"
ENCODER = "img_encoder"


def picture_template(kind: PictureInput, widths: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """The names and shapes of these parts in a file, for a UNet whose levels are `widths` channels wide."""
    if kind == "mask+picture":
        return {f"{CONV_IN}.weight": (widths[0], ALL_CHANNELS, 3, 3)}
    if kind == "encoder":
        return {f"{ENCODER}.{name}": shape for name, shape in encoder_template(widths).items()}
    return {}


def without_latent(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`weights` of a file, of whose first layer only the channels of the mask and the picture are kept: those of the latent
    are the image model's own, as in the authors' code."""
    name = f"{CONV_IN}.weight"
    if name not in weights:
        return dict(weights)
    return {**weights, name: weights[name][:, -PICTURE_CHANNELS:].clone()}  # (c, 5, 3, 3)


def picture_modules(spec: MotionSpec, ops: Any, **factory: Any) -> dict[str, nn.Module]:
    """The layers of these parts, by their names in a MotionModel."""
    widths = spec.level_widths
    if spec.picture == "mask+picture":
        return {CONV_IN: ops.Conv2d(PICTURE_CHANNELS, widths[0], 3, padding=1, bias=False, **factory)}
    if spec.picture == "encoder":
        return {ENCODER: PictureEncoder(widths, ops, **factory)}
    return {}
