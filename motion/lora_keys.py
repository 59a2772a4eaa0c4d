"""The names that motion LoRA files give to layers, brought to the motion model's own: AnimateDiff's, diffusers',
peft's and kohya's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .keys import canonical, module_template
from .spec import MotionSpec

Role = Literal["up", "down", "alpha"]

ROLE = re.compile(r"(?:_lora\.|\.lora[._])(?P<matrix>down|up|A|B)(?:\.default)?\.weight$|\.alpha$")
ROLES: dict[str, Role] = {"down": "down", "A": "down", "up": "up", "B": "up"}
ADAPTER_PREFIX = re.compile(r"^(?:base_model\.model\.|module\.|unet\.|diffusion_model\.)+")
KOHYA = "lora_unet_"
FUSED = ("to_q", "to_k", "to_v")
"""Layers that are one matrix, to_qkv, in a MotionModel."""


@dataclass(frozen=True)
class LoraKey:
    """What a key of a LoRA file says."""

    key: str  # as the file has it
    stem: str  # the file's name of the layer
    layer: str  # the canonical one, "….attention_blocks.0.to_q"
    role: Role  # what the tensor is to the layer


def parse(key: str, kohya: Mapping[str, str]) -> LoraKey | None:
    """What `key` says, None if it belongs to no motion module; `kohya` is from `kohya_names`."""
    match = ROLE.search(key)
    if match is None:
        return None
    stem = key[: match.start()]
    layer = _layer(stem, kohya)
    return None if layer is None else LoraKey(key, stem, layer, ROLES.get(match["matrix"], "alpha"))


def _layer(stem: str, kohya: Mapping[str, str]) -> str | None:
    """The canonical name of the layer that a file calls `stem`."""
    if stem.startswith(KOHYA):
        return kohya.get(stem.removeprefix(KOHYA))
    name = canonical(ADAPTER_PREFIX.sub("", stem).replace(".processor.", ".") + ".weight")
    if name is None:
        return None
    name = name.removesuffix(".weight")
    return f"{name}.0" if name.endswith(".to_out") else name


def layer_names(spec: MotionSpec) -> set[str]:
    """The canonical names of all linear layers of a motion model."""
    return {
        f"{place}.{name.removesuffix('.weight')}"
        for place, width in spec.modules
        for name, shape in module_template(width, spec.attentions).items()
        if len(shape) == 2
    }


def kohya_names(spec: MotionSpec) -> dict[str, str]:
    """Layer names with underscores for dots, in AnimateDiff's and in diffusers' words, to canonical names."""
    names = {}
    for place, _ in spec.modules:
        for i in range(spec.attentions):
            for part in (*FUSED, "to_out.0"):
                layer = f"{place}.transformer_blocks.0.attention_blocks.{i}.{part}"
                block = "_transformer_blocks_0_"
                for theirs in (f"_temporal_transformer{block}attention_blocks_{i}_", f"{block}attn{i + 1}_"):
                    names[place.replace(".", "_") + theirs + part.replace(".", "_")] = layer
        for part in ("ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"):
            block = "transformer_blocks.0." if part.startswith("ff") else ""
            for inside in (".temporal_transformer.", "."):
                names[f"{place}{inside}{block}{part}".replace(".", "_")] = f"{place}.{block}{part}"
    return names
