"""Motion LoRAs: small changes to a motion model's linear layers, such as a zoom or a pan (paper, section 4.3)."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from comfy.weight_adapter import LoRAAdapter

from .files import MotionFileError, read_tensors
from .keys import canonical
from .layers import MotionModel
from .spec import MotionSpec

ROLE = re.compile(
    r"(?:(?P<processor>_lora)\.|\.lora[._])(?P<role>down|up|A|B)(?:\.default)?\.weight$|\.(?P<alpha>alpha)$"
)
PREFIX = re.compile(r"^(?:base_model\.model\.|module\.|unet\.|diffusion_model\.)+")
KOHYA = "lora_unet_"
FUSED = ("to_q", "to_k", "to_v")


@dataclass
class LowRank:
    """One linear layer's change up·down, times alpha / rank where there is an alpha."""

    up: torch.Tensor | None = None
    down: torch.Tensor | None = None
    alpha: float | None = None


def load_motion_lora(motion: Any, path: str | Path, strength: float) -> Any:
    """A clone of `motion` (MOTION_MODEL) with the motion LoRA in `path` added `strength` times; `motion` stays as it is.

    Keys of a mid block that the motion model lacks are skipped, as the authors do. Raises MotionFileError.
    """
    path = Path(path)
    tensors = read_tensors(path)
    model: MotionModel = motion.model
    changes, unknown = read_changes(tensors, model.spec)
    if not changes:
        raise MotionFileError(_not_a_motion_lora(tensors, path.name))
    if unknown:
        logging.warning(
            '"%s": %d keys fit no layer of the motion model and were left out, first "%s".',
            path.name,
            len(unknown),
            unknown[0],
        )
    patched = motion.clone()
    patched.add_patches(dict(_patch(model, name, change, path.name) for name, change in changes.items()), strength)
    return patched


def read_changes(tensors: Mapping[str, torch.Tensor], spec: MotionSpec) -> tuple[dict[str, LowRank], list[str]]:
    """The changes in a LoRA file by canonical layer name ("….attention_blocks.0.to_q"), and the keys that fit none."""
    kohya = kohya_names(spec)
    places = {place for place, _ in spec.modules}
    changes: dict[str, LowRank] = {}
    unknown = []
    for key, tensor in tensors.items():
        match = ROLE.search(key)
        layer = match and layer_name(key[: match.start()], kohya)
        if not match or not layer:
            unknown.append(key)
        elif layer.startswith("mid_block.") and not spec.has_mid:
            continue
        elif not any(layer.startswith(f"{place}.") for place in places):
            unknown.append(key)
        else:
            change = changes.setdefault(layer, LowRank())
            if match["alpha"]:
                change.alpha = float(tensor)
            elif match["role"] in ("down", "A"):
                change.down = tensor
            else:
                change.up = tensor
    return {
        layer: change for layer, change in changes.items() if change.up is not None and change.down is not None
    }, unknown


def layer_name(stem: str, kohya: Mapping[str, str]) -> str | None:
    """The canonical name of the layer that a LoRA key means, None if it is no layer of a motion module."""
    if stem.startswith(KOHYA):
        return kohya.get(stem.removeprefix(KOHYA))
    name = canonical(PREFIX.sub("", stem).replace(".processor.", ".") + ".weight")
    if name is None:
        return None
    name = name.removesuffix(".weight")
    return f"{name}.0" if name.endswith(".to_out") else name


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


def _patch(model: MotionModel, layer: str, change: LowRank, name: str) -> tuple[Any, LoRAAdapter]:
    """The host's patch for one layer: its key, with the rows that it changes where q, k and v are one matrix."""
    stem, _, part = layer.rpartition(".")
    key = f"{stem}.to_qkv.weight" if part in FUSED else f"{layer}.weight"
    rows, columns = model.get_parameter(key).shape
    rows = rows // 3 if part in FUSED else rows
    assert change.up is not None and change.down is not None
    has = (change.up.shape[0], change.down.shape[-1])
    if (
        change.up.ndim != 2
        or change.down.ndim != 2
        or has != (rows, columns)
        or change.up.shape[1] != change.down.shape[0]
    ):
        raise MotionFileError(
            f'"{name}" does not fit this motion model: at "{layer}" it changes {list(has)} weights, the motion model has '
            f"{[rows, columns]}. Pick a motion LoRA made for {model.spec.family.label}."
        )
    adapter = LoRAAdapter({layer}, (change.up, change.down, change.alpha, None, None, None))
    return ((key, (0, FUSED.index(part) * rows, rows)), adapter) if part in FUSED else (key, adapter)


def _not_a_motion_lora(tensors: Mapping[str, torch.Tensor], name: str) -> str:
    if any("lora" in key.lower() for key in tensors):
        return (
            f'"{name}" is a LoRA for the image model, not a motion LoRA: none of its {len(tensors)} keys belongs to a motion '
            "module. Load it with Load LoRA, on the MODEL; the v3 adapter v3_sd15_adapter too."
        )
    if any(canonical(key) for key in tensors):
        return f'"{name}" is a whole motion model, not a motion LoRA. Load it with Load Motion Model.'
    return f'"{name}" is not a motion LoRA: none of its {len(tensors)} keys belongs to one. Pick one such as v2_lora_ZoomIn.'
