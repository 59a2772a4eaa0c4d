"""Motion LoRAs: small changes to a motion model's linear layers, such as a zoom or a pan (paper, section 4.3)."""

import json
import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from comfy.weight_adapter import LoRAAdapter

from .file_kinds import MOTION_LORA, kind_of, wrong_kind
from .files import MotionFileError, opened
from .host import HostMotion
from .keys import module_template, place_of
from .layers import MotionModel
from .lora_keys import FUSED, LoraKey, Role, kohya_names, layer_names, parse
from .spec import MotionSpec


@dataclass(frozen=True)
class LowRank:
    """A change of one linear layer: up·down, times alpha / rank where there is an alpha."""

    up: torch.Tensor  # (rows, rank)
    down: torch.Tensor  # (rank, columns)
    alpha: float | None = None  # the file's alpha; None: the file has none, which scales by 1


def load_motion_lora(motion: HostMotion, path: str | Path, strength: float) -> HostMotion:
    """A clone of `motion` (MOTION_MODEL) with the motion LoRA in `path` added `strength` times; `motion` stays as it is.

    Keys of a mid block that the motion model lacks are skipped, as the authors do. Raises MotionFileError.
    """
    path = Path(path)
    changes = load_changes(path, motion.model.spec)
    patched = motion.clone()
    patched.add_patches(
        dict(_patch(motion.model, name, change, path.name) for name, change in changes.items()), strength
    )
    return patched


def load_changes(path: Path, spec: MotionSpec) -> dict[str, LowRank]:
    """The changes in the motion LoRA in `path` for a motion model of `spec`. Raises MotionFileError when there are none;
    keys that fit no layer are named in the log."""
    with opened(path) as file:
        layers, unknown = sort_keys(file.header, spec)
        if not layers:
            raise MotionFileError(_not_a_motion_lora(file.header, path.name))
        tensors = file.read(found.key for keys in layers.values() for found in keys.values())
        settings = adapter_settings(file.metadata)
    if unknown:
        logging.warning(
            '"%s": keys that match no layer of the motion model were ignored (%d): %s.',
            path.name,
            len(unknown),
            ", ".join(f'"{key}"' for key in unknown),
        )
    return {layer: _low_rank(tensors, keys, settings) for layer, keys in layers.items()}


def adapter_settings(metadata: Mapping[str, str]) -> dict[str, Any]:
    """How peft scaled the adapter in a file with this `metadata`: diffusers notes it there, and no alphas as tensors."""
    try:
        noted = json.loads(metadata.get("lora_adapter_metadata", "{}"))
    except (ValueError, RecursionError):
        return {}
    return {key.removeprefix("unet."): value for key, value in noted.items()} if isinstance(noted, dict) else {}


def noted_alpha(settings: Mapping[str, Any], stem: str, rank: int) -> float | None:
    """The alpha that peft's `settings` give the layer with the file's name `stem`, None where they say nothing."""
    patterns = settings.get("alpha_pattern")
    own = (a for p, a in patterns.items() if f".{stem}".endswith(f".{p}")) if isinstance(patterns, dict) else iter(())
    alpha = next(own, settings.get("lora_alpha"))
    if not isinstance(alpha, int | float):
        return None
    return float(alpha) * (rank**0.5 if settings.get("use_rslora") else 1.0)


def sort_keys(keys: Iterable[str], spec: MotionSpec) -> tuple[dict[str, dict[Role, LoraKey]], list[str]]:
    """The keys of a LoRA file for each layer that they change, by its canonical name ("….attention_blocks.0.to_q"), and
    the keys that fit none."""
    kohya = kohya_names(spec)
    layers = layer_names(spec)
    groups: dict[str, dict[Role, LoraKey]] = {}
    unknown = []
    for key in keys:
        found = parse(key, kohya)
        if found is not None and found.layer in layers:
            groups.setdefault(found.layer, {})[found.role] = found
        elif found is None or spec.has_mid or not found.layer.startswith("mid_block."):
            unknown.append(key)
    whole = {layer: found for layer, found in groups.items() if _is_whole(found)}
    unknown += [role.key for found in groups.values() if not _is_whole(found) for role in found.values()]
    return whole, unknown


def _is_whole(keys: Mapping[Role, LoraKey]) -> bool:
    return "up" in keys and "down" in keys


def _low_rank(
    tensors: Mapping[str, torch.Tensor], keys: Mapping[Role, LoraKey], settings: Mapping[str, Any]
) -> LowRank:
    down = tensors[keys["down"].key]
    alpha = noted_alpha(settings, keys["down"].stem, down.shape[0]) if down.ndim == 2 else None
    stored = tensors[keys["alpha"].key] if "alpha" in keys else None
    if stored is not None and stored.numel() == 1 and not stored.is_complex():
        alpha = float(stored)
    return LowRank(tensors[keys["up"].key], down, alpha)


@dataclass(frozen=True)
class Rows:
    """The rows of a linear layer of a MotionModel that a change is for."""

    layer: str  # its name in the MotionModel
    start: int = 0  # the first of them
    count: int | None = None  # None: all of them


def rows_of(spec: MotionSpec, layer: str, change: LowRank, name: str) -> Rows:
    """Where the `change` that the file `name` has for the canonical `layer` belongs: q, k and v are one matrix.

    Raises MotionFileError where it does not fit.
    """
    place = place_of(layer)
    width = dict(spec.modules)[place]
    shape = list(module_template(width, spec.attentions)[f"{layer.removeprefix(place + '.')}.weight"])
    for tensor in (change.up, change.down, torch.tensor(1.0 if change.alpha is None else change.alpha)):
        if not tensor.is_floating_point() or not torch.isfinite(tensor.float()).all():
            raise MotionFileError(
                f'"{name}" contains numbers that are not finite at "{layer}". The file is damaged: download it again.'
            )
    has = [*change.up.shape[:1], *change.down.shape[-1:]]
    matrices = change.up.ndim == change.down.ndim == 2 and change.up.shape[1] == change.down.shape[0]
    if not matrices or has != shape:
        raise MotionFileError(
            f'"{name}" does not fit this motion model: at "{layer}" it changes weights of shape {has}, but the motion '
            f"model has {shape}. Pick a motion LoRA made for {spec.family.label}."
        )
    stem, _, last = layer.rpartition(".")
    return Rows(f"{stem}.to_qkv", FUSED.index(last) * width, width) if last in FUSED else Rows(layer)


def _patch(model: MotionModel, layer: str, change: LowRank, name: str) -> tuple[Any, LoRAAdapter]:
    """The host's patch for one layer: its key, with the rows that it changes."""
    rows = rows_of(model.spec, layer, change, name)
    adapter = LoRAAdapter({layer}, (change.up, change.down, change.alpha, None, None, None))
    key = f"{rows.layer}.weight"
    return (key if rows.count is None else (key, (0, rows.start, rows.count)), adapter)


def _not_a_motion_lora(keys: Collection[str], name: str) -> str:
    if kind_of(keys) is MOTION_LORA:
        return (
            f'"{name}" is a motion LoRA for layers that this motion model does not have. Pick a motion LoRA made for this '
            "motion model."
        )
    return wrong_kind(keys, name, MOTION_LORA, "mm_sd15_v2_lora_ZoomIn")
