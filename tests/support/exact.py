"""Tiny models that compute in float64: for tests that two ways to one result are the same.

Only the UNet and the motion modules do; noise, latents and the models' predictions are float32, as the host has them.
"""

from pathlib import Path
from typing import Any

import golden
import tiny
import torch

from kinema.motion.load import load_motion_model


def image_model(*args: Any, **more: Any) -> Any:
    """MODEL, as `tiny.image_model` makes it."""
    model = tiny.image_model(*args, **more)
    unet = model.model.diffusion_model.double()
    unet.dtype = torch.float64
    return model


def inpainting_model() -> Any:
    """MODEL whose UNet takes nine channels: latent, mask, masked picture."""
    model = image_model()
    wide = torch.nn.Conv2d(9, 32, 3, padding=1).double()
    wide.load_state_dict({"weight": golden.numbers("wide", (32, 9, 3, 3)) / 9, "bias": golden.numbers("b", (32,))})
    model.model.diffusion_model.input_blocks[0][0] = wide
    model.model.concat_keys = ("mask", "masked_image")
    return model


def motion_model(weights: dict[str, torch.Tensor], file: Path) -> Any:
    """MOTION_MODEL from `weights` in AnimateDiff's key layout, saved as `file`."""
    motion = load_motion_model(tiny.save(weights, file))
    motion.model.double()
    return motion
