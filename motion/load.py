"""From a file to a motion model that the host loads, offloads and patches like any other model."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.utils
import torch
from torch import nn

from .detect import detect
from .files import ModelFile, MotionFileError, opened
from .host import HostInit, HostMotion, HostPatcher, Inner
from .keys import POSITIONS, FileKeys, left_out, place_of, without_prefix
from .layers import MotionModel, TemporalAttention
from .picture_parts import without_latent
from .spec import BASE_NAMES, MotionSpec, Preset

FILE = "kinema_file"
"""Attachment key under which the patcher keeps the file's name, for messages."""


def load_motion_model(path: str | Path, family: str | None = None, disable_dynamic: bool = False) -> HostMotion:
    """The motion model in `path` as a host ModelPatcher whose `.model` is a MotionModel.

    `family` overrides what `detect` recognises. Raises MotionFileError.
    `disable_dynamic` is the host's: it asks for a plain patcher when it deep-copies one.
    """
    path = Path(path)
    with opened(path) as file:
        header = file.header
        spec, layout = detect(header, path.name, family)
        _log(path.name, spec, layout)
        dtype = kept_dtype({name: header[key].meta() for name, key in layout.keys.items()})
        weights = without_latent(read_weights(file, layout.keys, dtype))
    check_finite(weights, path.name)
    return _patcher(spec, weights, dtype, path.name, (load_motion_model, (str(path), family)), disable_dynamic)


def read_weights(file: ModelFile, keys: Mapping[str, str], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The weights with the canonical names that are in `keys`, with the file's keys for them, by the names in a
    MotionModel.

    Each is converted to `dtype` before the next is read into the same memory, so that no more than one is in memory twice.
    """
    offload = comfy.model_management.unet_offload_device()
    header = file.header
    stacks = {name: [keys[part] for part in parts] for name, parts in fused_names(keys).items()}
    converted = {name for name, stack in stacks.items() if header[stack[0]].dtype != dtype}
    sizes = (sum(file.table.tensors[key].extent for key in stacks[name]) for name in converted)
    memory = torch.empty(max(sizes, default=0), dtype=torch.uint8)
    return {
        name: file.stacked(stack, memory if name in converted else None).to(offload, dtype)
        for name, stack in stacks.items()
    }


def _log(name: str, spec: MotionSpec, layout: FileKeys) -> None:
    logging.info('"%s" is %s for %s', name, spec.family.label, BASE_NAMES[spec.base])
    if spec.note:
        logging.warning('"%s": %s', name, spec.note)
    if layout.other:
        parts = dict.fromkeys(left_out(key) or without_prefix(key).split(".")[0] for key in layout.other)
        logging.info('"%s": parts other than the motion model were ignored: %s.', name, ", ".join(parts))


def usual_settings(preset: Preset, name: str) -> str:
    """The `preset` in words, with as many steps as the file's name says: few-step models come for several numbers."""
    steps = usual_steps(preset, name)
    return f"{steps} step{'s' if steps > 1 else ''}, {preset.sampler}, {preset.scheduler}, cfg {preset.cfg:g}"


def usual_steps(preset: Preset, name: str) -> int:
    """The steps that the file's `name` says, else those of the `preset`."""
    said = re.search(r"(?<![0-9])([1-9])[ _-]?step", name.lower())
    return int(said[1]) if said else preset.steps


def build_patcher(
    spec: MotionSpec, weights: dict[str, torch.Tensor], name: str, init: HostInit | None = None, plain: bool = False
) -> HostMotion:
    """A ModelPatcher around a MotionModel of `spec` with `weights` (fused canonical names)."""
    offload = comfy.model_management.unet_offload_device()
    dtype = kept_dtype(weights)
    return _patcher(spec, {key: weight.to(offload, dtype) for key, weight in weights.items()}, dtype, name, init, plain)


def _patcher(
    spec: MotionSpec,
    weights: dict[str, torch.Tensor],
    dtype: torch.dtype,
    name: str,
    init: HostInit | None,
    plain: bool,
) -> HostMotion:
    """The same with weights that are of `dtype` and on the offload device already."""
    model = MotionModel(spec, comfy.ops.manual_cast, device="meta", dtype=dtype)
    tables = {name: weights.pop(name) for name in list(weights) if name.endswith(POSITIONS)}
    patcher = patch(model, init, plain)
    model.load_state_dict(weights, assign=True)
    place_positions(model, tables, comfy.model_management.unet_offload_device())
    patcher.set_attachments(FILE, name)
    return patcher


def kept_dtype(weights: Mapping[str, torch.Tensor]) -> torch.dtype:
    """In which type of numbers the host keeps a motion model with these weights, which may be on the meta device."""
    device = comfy.model_management.get_torch_device()
    count = comfy.utils.calculate_parameters(weights)
    weight_dtype = comfy.utils.weight_dtype(weights)
    return comfy.model_management.unet_dtype(device, count, weight_dtype=weight_dtype)  # type: ignore[no-any-return]


def patch(model: Inner, init: HostInit | None, plain: bool) -> HostPatcher[Inner]:
    """A ModelPatcher around `model`, which the function and arguments `init` make anew; `plain`: not a dynamic one."""
    patcher_type = comfy.model_patcher.ModelPatcher if plain else comfy.model_patcher.CoreModelPatcher
    device = comfy.model_management.get_torch_device()
    offload = comfy.model_management.unet_offload_device()
    patcher: HostPatcher[Inner] = patcher_type(model, load_device=device, offload_device=offload)
    patcher.cached_patcher_init = init
    return patcher


def unshared(motion: HostMotion, others: Sequence[HostMotion]) -> HostMotion:
    """`motion`, or a second copy of it if one of `others` uses the same weights with other LoRAs: the host keeps one set
    of patches in a model's weights at a time."""
    if all(other.model is not motion.model or other.patches_uuid == motion.patches_uuid for other in others):
        return motion
    weights = {key: patches[0][0].clone() for key, patches in motion.get_key_patches().items()}
    copy = build_patcher(motion.model.spec, weights, motion.get_attachment(FILE), motion.cached_patcher_init)
    for module, original in zip(copy.model.modules(), motion.model.modules(), strict=True):
        if isinstance(module, TemporalAttention) and isinstance(original, TemporalAttention):
            module.positions = original.positions
    copy.patches = {key: list(patches) for key, patches in motion.patches.items()}
    copy.patches_uuid = motion.patches_uuid
    return copy


def fused_names(names: Iterable[str]) -> dict[str, list[str]]:
    """The names in a MotionModel, and the canonical ones of which each is made: q, k and v are one matrix (3c, c)."""
    fused: dict[str, list[str]] = {}
    for name in names:
        stem, is_query, _ = name.rpartition(".to_q.weight")
        if is_query:
            fused[f"{stem}.to_qkv.weight"] = [f"{stem}.to_{part}.weight" for part in "qkv"]
        elif not name.endswith((".to_k.weight", ".to_v.weight")):
            fused[name] = [name]
    return fused


def fuse(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Canonical weights by the names in a MotionModel."""
    return {
        name: torch.cat([weights[part] for part in parts]) if len(parts) > 1 else weights[name]
        for name, parts in fused_names(weights).items()
    }


def place_positions(model: nn.Module, tables: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Gives every attention its position table: the formula's, or the file's where that is another one.

    Files store the formula's values in their own precision; the authors drop them and compute the table anew.
    """
    for name, module in model.named_modules():
        if isinstance(module, TemporalAttention):
            stored = tables.get(
                name + POSITIONS, tables.get(name[:-1] + "0" + POSITIONS)
            )  # diffusers stores one for all
            if stored is not None:
                table = stored[0].to(module.positions)  # from the GPU, where the host keeps all weights there
                module.positions = module.positions if torch.allclose(table, module.positions, atol=0.07) else table
            module.positions = module.positions.to(device)


def check_finite(weights: Mapping[str, torch.Tensor], name: str) -> None:
    """Raises MotionFileError if any weight is NaN or infinite."""
    bad = sorted({place_of(key) for key, weight in weights.items() if not is_finite(weight)})
    if bad:
        raise MotionFileError(
            f'"{name}" contains numbers that are not finite (NaN) in {len(bad)} of its modules, first in '
            f'"{bad[0]}". The file is damaged: download it again.'
        )


def is_finite(weight: torch.Tensor) -> bool:
    """Whether all numbers of a `weight` are finite."""
    if weight.dtype.itemsize > 1 and torch.isfinite(weight.sum()):  # one quick pass; torch cannot sum fp8
        return True
    return bool(torch.isfinite(weight.float().sum()))  # a sum in fp16 can overflow although all weights are fine
