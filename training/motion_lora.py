"""Motion LoRAs: low-rank changes to a motion model's attentions (paper, section 4.3), learned from a few clips."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..motion.adjust import check_own_positions
from ..motion.host import HostMotion
from ..motion.layers import TemporalAttention
from ..motion.save import merged_weights, published_key, write_safetensors
from ..motion.spec import MotionSpec
from .draws import generator
from .learner import Learner, Weights, trainable_copy

LAYERS = {"to_qkv": ("to_q", "to_k", "to_v"), "to_out.0": ("to_out",)}
"""The layers of an attention that change, and what the parts of each are called in files."""


def learn_motion_lora(motion: HostMotion, rank: int, seed: int) -> Learner:
    """Trains a LoRA of `rank` for `motion` (MOTION_MODEL, patches merged in), whose own weights are frozen.

    The parameters have canonical names such as "….attention_blocks.0.processor.to_q_lora.down.weight": down (rank, c)
    starts with deviation 1 / rank, up (c, rank) with zeros. alpha equals the rank, so the change is up·down.
    """
    check_own_positions(motion, "training")
    base = merged_weights(motion)
    model = trainable_copy(motion.model.spec, base, motion.model)
    with torch.inference_mode(False):
        parameters: dict[str, nn.Parameter] = {}
        for name, module in model.named_modules():
            if isinstance(module, TemporalAttention):
                for layer in LAYERS:
                    linear: Any = module.get_submodule(layer)
                    changes = stems(name, layer)
                    for stem in changes:
                        width = linear.weight.shape[1]
                        parameters |= low_rank(stem, width, width, rank, generator(seed, "lora", stem))
                    linear.weight_function = [adding(parameters, changes)]
    weights = dict(model.state_dict())
    return Learner(model, parameters, lambda values: merged(weights, values))


def stems(attention: str, layer: str) -> list[str]:
    return [f"{attention}.processor.{part}_lora" for part in LAYERS[layer]]


def low_rank(stem: str, rows: int, columns: int, rank: int, random: torch.Generator) -> dict[str, nn.Parameter]:
    """The two factors of a change that is zero at first, for a weight (rows, columns)."""
    down = torch.randn(rank, columns, generator=random) / rank
    return {
        f"{stem}.down.weight": nn.Parameter(down),
        f"{stem}.up.weight": nn.Parameter(torch.zeros(rows, rank)),
    }


def change(values: Weights, names: list[str]) -> torch.Tensor:
    """up·down of each of `names`, one below the other."""
    return torch.cat([values[f"{name}.up.weight"] @ values[f"{name}.down.weight"] for name in names])


def adding(values: Weights, names: list[str]) -> Callable[[torch.Tensor], torch.Tensor]:
    """A weight function of the host's layers that adds the change."""
    return lambda weight: weight + change(values, names).to(weight)


def merged(weights: Weights, values: Weights) -> dict[str, torch.Tensor]:
    """The weights of a MotionModel with the LoRA `values` added."""
    result = dict(weights)
    for attention in (key.removesuffix(".to_qkv.weight") for key in weights if key.endswith(".to_qkv.weight")):
        for layer in LAYERS:
            key = f"{attention}.{layer}.weight"
            result[key] = weights[key] + change(values, stems(attention, layer)).to(weights[key])
    return result


def save_motion_lora(values: Weights, spec: MotionSpec, path: str | Path, metadata: Mapping[str, str]) -> Path:
    """Writes the LoRA `values` to `path` in the layout of the authors' motion LoRAs."""
    lora = {published_key(name, spec): value for name, value in values.items() if "_lora." in name}
    return write_safetensors(lora, Path(path), {"format": "pt", "motion_family": spec.family.name, **metadata})
