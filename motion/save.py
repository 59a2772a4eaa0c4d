"""Motion models as files in the layout their authors publish, which other tools read too."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import comfy.lora
import safetensors.torch
import torch

from .adjust import ADJUSTED, check_own_positions
from .atomic import replacing
from .host import HostMotion
from .keys import POSITIONS
from .layers import MotionModel, TemporalAttention
from .lora_branches import LORAS, check_no_branches
from .spec import MotionSpec

MODEL_SUFFIX = ".safetensors"


@dataclass(frozen=True, kw_only=True)
class SavedPrecision:
    """One precision for the weights in a file."""

    dtype: torch.dtype | None  # of all weights; None: that of each weight in memory
    words: str  # for the help page


SAVED_AS: dict[str, SavedPrecision] = {
    "as loaded": SavedPrecision(
        dtype=None, words="Each weight keeps its precision in memory, which is usually fp16 on a GPU."
    ),
    "fp16": SavedPrecision(dtype=torch.float16, words="Half the size of fp32, with more digits than bf16."),
    "bf16": SavedPrecision(
        dtype=torch.bfloat16, words="Half the size of fp32, for larger numbers than fp16 but with fewer digits."
    ),
    "fp32": SavedPrecision(dtype=torch.float32, words="Full precision. The file is twice as large as in fp16."),
}


def save_motion_model(
    motion: HostMotion | MotionModel,
    path: str | Path,
    dtype: torch.dtype | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Writes `motion`, a MOTION_MODEL (patches merged in) or a bare MotionModel, to `path` (.safetensors).

    `dtype` None keeps the type of each weight. Either the whole file is there in the end or what was there before.
    """
    spec = (motion if isinstance(motion, MotionModel) else motion.model).spec
    weights = published_weights(motion)
    if dtype is not None:
        weights = {key: weight.to(dtype) for key, weight in weights.items()}
    about = {"format": "pt", "motion_family": spec.family.name, **(metadata or {})}
    return write_safetensors(weights, Path(path), about)


def write_safetensors(tensors: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str]) -> Path:
    """Writes tensors to `path` (.safetensors), all or nothing."""
    if path.suffix != MODEL_SUFFIX:
        raise ValueError(
            f'"{path.name}" does not end in {MODEL_SUFFIX}, the only kind of model file that Kinema writes. Add this '
            f"file extension."
        )
    weights = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    try:
        with replacing(path) as unfinished:
            unfinished.touch()
            mode = unfinished.stat().st_mode  # the user's for new files, where safetensors lets nobody else read
            safetensors.torch.save_file(weights, unfinished, dict(metadata))
            os.chmod(unfinished, mode)
    except PermissionError:
        raise ValueError(
            f'"{path.name}" cannot be written: the file is open, perhaps in ComfyUI itself, or ComfyUI has no permission to '
            f'write to the folder "{path.parent.name}". Save under another name, or change the permissions.'
        ) from None
    return path


def published_weights(motion: HostMotion | MotionModel) -> dict[str, torch.Tensor]:
    """All tensors of the file that `motion` (MOTION_MODEL or MotionModel) is saved as, position tables included.

    Raises ValueError for the families whose files have more than motion modules, and for adjusted positions.
    """
    model = motion if isinstance(motion, MotionModel) else motion.model
    check_only_motion(model.spec)
    if isinstance(motion, MotionModel):
        merged = motion.state_dict()
    else:
        check_own_positions(motion, "a motion model file")
        merged = merged_weights(motion)
    weights = unfuse(merged)
    for name, module in model.named_modules():
        if isinstance(module, TemporalAttention) and model.spec.family.layout.positions is not None:
            weights[name + POSITIONS] = module.positions[None].clone()  # (1, max_frames, c)
    return {published_key(name, model.spec): weight for name, weight in weights.items()}


def check_only_motion(spec: MotionSpec) -> None:
    if spec.family.extra:
        raise ValueError(
            f"{spec.family.label} has parts other than motion modules, which Kinema can use but neither train nor save. "
            "Use another motion model such as mm_sd15_v3."
        )


def without_patches(motion: HostMotion) -> HostMotion:
    """A clone of a MOTION_MODEL without its motion LoRAs and merges, also while those are loaded into the weights."""
    plain = motion.clone()
    plain.patches = {}
    plain.remove_attachments(LORAS)
    plain.remove_attachments(ADJUSTED)
    return plain


def merged_weights(motion: HostMotion) -> dict[str, torch.Tensor]:
    """The weights of a MOTION_MODEL with its patches (motion LoRAs) merged in, by the names in its MotionModel.

    They are read beside whatever clone is loaded at the moment, and no weight of the model changes. Raises ValueError
    for motion LoRAs whose strengths vary.
    """
    check_no_branches(motion)
    merged = {}
    for name, (base, *patches) in motion.get_key_patches().items():
        weight, convert = base
        if patches:
            full = convert(weight.detach().float().clone())
            weight = comfy.lora.calculate_weight(patches, full, name).to(weight.dtype)
        merged[name] = weight
    return merged


def unfuse(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Canonical weights with each `to_qkv` matrix (3c, c) taken apart into `to_q`, `to_k` and `to_v`."""
    apart: dict[str, torch.Tensor] = {}
    for name, weight in weights.items():
        if name.endswith("to_qkv.weight"):
            stem = name.removesuffix("qkv.weight")
            apart |= {f"{stem}{part}.weight": matrix for part, matrix in zip("qkv", weight.chunk(3), strict=True)}
        else:
            apart[name] = weight
    return apart


def published_key(name: str, spec: MotionSpec) -> str:
    """A canonical name as the authors of `spec.family` write it."""
    layout = spec.family.layout
    block, rest = name.split(".motion_modules.", 1)
    index, rest = rest.split(".", 1)
    if layout.positions is not None:
        rest = rest.replace(POSITIONS, f".{layout.positions}")
    return f"{block}.{layout.container}.{index}.{layout.inside}{rest}"
