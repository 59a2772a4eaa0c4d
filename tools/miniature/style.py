"""The neon style of the world, learned on top of the image model twice: as a finetune and as a LoRA.

Both stand in for the personalised models (DreamBooth, LoRA) of AnimateDiff's users. Captions stay as they are and the
text encoder is frozen. In the finetune, so is the half of the UNet that reads the noisy picture: motion modules of so
narrow a UNet follow the direction of the prompt in features that a change of all weights moves too far.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn.utils import parametrize

from .image import NoisePrediction, Texts, new_text_encoder, new_unet
from .latents import Stills
from .loop import Plan, fit

FINETUNE = Plan("neon_finetune", steps=400, lr=5e-4, warmup=30, seed=4, ema=0.99)
LORA = Plan("neon_lora", steps=400, lr=3e-3, warmup=30, seed=5, ema=0.99)
RANK = 7  # of the shipped LoRA: all files together had to stay below 24 MB then
DRAWING = ("output_blocks.", "out.")
"""How the names of the layers begin that the finetune changes: those of the half of the UNet that draws."""


class LowRank(torch.nn.Module):
    """A weight's parametrization W + up·down (Hu et al. 2021), up starting at zero."""

    def __init__(self, weight: torch.Tensor, rank: int) -> None:
        super().__init__()
        self.up = torch.nn.Parameter(torch.zeros(weight.shape[0], rank))
        self.down = torch.nn.Parameter(torch.randn(rank, weight[0].numel()) / weight[0].numel() ** 0.5)

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + (self.up @ self.down).view_as(weight)


def train_finetune(
    base: dict[str, torch.Tensor], data: Stills, folder: Path, stop_at: float
) -> dict[str, torch.Tensor]:
    """Returns the averaged UNet weights with the prefix `unet.`."""
    parts, texts = _from(base)
    for name, parameter in parts["unet"].named_parameters():
        parameter.requires_grad_(name.startswith(DRAWING))
    objective = NoisePrediction(data)
    return fit(FINETUNE, parts, lambda step, rng: objective.loss(parts["unet"], texts, rng), folder, stop_at)


def train_lora(base: dict[str, torch.Tensor], data: Stills, folder: Path, stop_at: float) -> dict[str, torch.Tensor]:
    """Returns a LoRA in the common (kohya) layout: lora_unet_*.lora_up.weight, .lora_down.weight, .alpha."""
    parts, texts = _from(base)
    torch.manual_seed(LORA.seed)
    shapes: dict[str, torch.Size] = {}
    for name, layer in list(parts["unet"].named_modules()):
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            shapes[name] = layer.weight.shape
            low_rank = LowRank(layer.weight, RANK)
            parametrize.register_parametrization(layer, "weight", low_rank)
            low_rank.requires_grad_(True)
    objective = NoisePrediction(data)
    average = fit(LORA, parts, lambda step, rng: objective.loss(parts["unet"], texts, rng), folder, stop_at)
    lora: dict[str, torch.Tensor] = {}
    for name, shape in shapes.items():
        key = "lora_unet_" + name.replace(".", "_")
        learned = f"unet.{name}.parametrizations.weight.0."
        kernel = shape[2:]
        lora[f"{key}.lora_up.weight"] = average[learned + "up"].view(shape[0], RANK, *([1] * len(kernel)))
        lora[f"{key}.lora_down.weight"] = average[learned + "down"].view(RANK, shape[1], *kernel)
        lora[f"{key}.alpha"] = torch.tensor(float(RANK))
    return lora


def _from(base: dict[str, torch.Tensor]) -> tuple[torch.nn.ModuleDict, Texts]:
    """The image model with everything frozen."""
    text_encoder = new_text_encoder(0)
    model = torch.nn.ModuleDict({"unet": new_unet(0), "text": text_encoder})
    lacking, unknown = model.load_state_dict(base, strict=False)
    assert not unknown and not [name for name in lacking if name.startswith("unet.")], (lacking, unknown)
    model.requires_grad_(False)
    texts = Texts(text_encoder)
    return torch.nn.ModuleDict({"unet": model["unet"]}), texts
