"""The tiny real models of `tools/tiny_models.py`, and a LoRA for them."""

from typing import Any

import comfy.lora
import torch

from tools.tiny_models import (
    CONTEXT,
    SD15_WIDTHS,
    SDXL_WIDTHS,
    VERSIONS,
    conditioning,
    generator,
    image_model,
    latents,
    module_places,
    module_shapes,
    motion_lora,
    motion_weights,
    randomise,
    sample,
    save,
    sinusoid,
    unet_config,
)

__all__ = [
    "CONTEXT",
    "SD15_WIDTHS",
    "SDXL_WIDTHS",
    "VERSIONS",
    "conditioning",
    "generator",
    "image_model",
    "latents",
    "lora",
    "module_places",
    "module_shapes",
    "motion_lora",
    "motion_weights",
    "randomise",
    "sample",
    "save",
    "sinusoid",
    "unet_config",
]


def lora(model: Any, seed: int = 0) -> dict[str, torch.Tensor]:
    """A LoRA for every convolution of the UNet, in the published names that the host maps to its own."""
    names = comfy.lora.model_lora_keys_unet(model.model, {})
    state, random, file = model.model.state_dict(), generator(seed), {}
    for theirs, ours in names.items():
        if theirs.startswith("lora_unet_") and ours in state and state[ours].ndim == 4:
            rows, columns, *kernel = state[ours].shape
            file[f"{theirs}.lora_up.weight"] = torch.randn(rows, 2, 1, 1, generator=random) * 0.05
            file[f"{theirs}.lora_down.weight"] = torch.randn(2, columns, *kernel, generator=random) * 0.05
    return file
