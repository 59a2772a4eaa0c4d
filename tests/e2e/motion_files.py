"""A motion LoRA, PIA and AnimateLCM-I2V in the shape of the server's motion model, and the numbers in a saved animation."""

import math

import safetensors.torch
import torch

from kinema.motion.picture_parts import picture_template
from tools import random_models

from .conftest import JOB

LORA, PIA, I2V = "zoom.safetensors", "pia.safetensors", "AnimateLCM_sd15_i2v.safetensors"


def make_lora(comfy):
    """A motion LoRA for every query projection of the server's motion model."""
    models = comfy.base / "models"
    weights = safetensors.torch.load_file(models / "animatediff_models" / JOB.motion_model)
    random, lora = torch.Generator().manual_seed(0), {}
    for key, weight in weights.items():
        if key.endswith("to_q.weight"):
            stem = key.removesuffix("to_q.weight") + "processor.to_q_lora"
            lora[f"{stem}.down.weight"] = torch.randn(4, weight.shape[1], generator=random)
            lora[f"{stem}.up.weight"] = torch.randn(weight.shape[0], 4, generator=random)
    (models / "animatediff_motion_lora").mkdir(exist_ok=True)
    safetensors.torch.save_file(lora, models / "animatediff_motion_lora" / LORA)


def make_pia(comfy):
    """The server's motion model with the first layer of PIA."""
    folder = comfy.base / "models" / "animatediff_models"
    weights = safetensors.torch.load_file(folder / JOB.motion_model)
    width = weights["down_blocks.0.motion_modules.0.temporal_transformer.norm.weight"].shape[0]
    random = torch.Generator().manual_seed(0)
    weights["conv_in.weight"] = torch.randn(width, 9, 3, 3, generator=random) / 9
    weights["conv_in.bias"] = torch.zeros(width)
    safetensors.torch.save_file(weights, folder / PIA)


def make_i2v(comfy):
    """The server's motion model without position tables, and an encoder of pictures."""
    folder = comfy.base / "models" / "animatediff_models"
    weights = safetensors.torch.load_file(folder / JOB.motion_model)
    weights = {key: weight for key, weight in weights.items() if not key.endswith(".pe")}
    random = torch.Generator().manual_seed(0)
    for name, shape in picture_template("encoder", (random_models.WIDTH,) * random_models.LEVELS).items():
        weights[name] = torch.randn(shape, generator=random) / math.prod(shape[1:]) ** 0.5
    safetensors.torch.save_file(weights, folder / I2V)


def pixels(file):
    import numpy
    from PIL import Image, ImageSequence

    with Image.open(file) as animation_file:
        frames = [numpy.asarray(frame.convert("RGB"), dtype=int) for frame in ImageSequence.Iterator(animation_file)]
    return numpy.stack(frames)
