"""Recognising a SparseCtrl file from its keys and shapes: the encoder of a UNet, a motion module after each of its blocks,
and an embedding of pictures that stand at some of the frames.

Guo et al., "SparseCtrl: Adding Sparse Controls to Text-to-Video Diffusion Models" (2023).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import comfy.utils
import torch

from .complete import ADVICE, check_dtypes
from .detect import check_complete, count_attentions, modules_in, position_tables
from .file_kinds import SPARSECTRL_FILE, wrong_kind
from .files import MotionFileError, TensorInfo
from .keys import HEADS, LEFTOVERS, USUAL_HEADS, sort_keys, without_prefix
from .spec import PAPER_SCHEDULE, Family, MotionSpec
from .stored import shown

Condition = Literal["rgb", "scribble"]
"""What the pictures of a file are: photographs as latents, or sketches as pixels."""

SPARSECTRL = Family(
    name="sparsectrl",
    label="SparseCtrl",
    words="A ControlNet with motion modules for SD1.5: v3_sd15_sparsectrl_rgb and v3_sd15_sparsectrl_scribble.",
    base="sd15",
    native_frames=16,
    max_frames=32,
    schedule=PAPER_SCHEDULE,
)
"""The motion modules inside; norms per frame, one attention each. No motion model, so it is not in the table of these."""

EMBEDDING = "controlnet_cond_embedding"
CHANNELS: dict[Condition, int] = {"rgb": 4, "scribble": 3}
"""Of a picture; the embedding has one more, for the mask."""


@dataclass(frozen=True)
class SparseSpec:
    """A SparseCtrl file as read from its keys and shapes."""

    condition: Condition  # what its pictures are: "rgb" or "scribble"
    network: Mapping[str, Any]  # the arguments of the host's ControlNet class
    motion: MotionSpec  # its motion modules, read like those of a motion model
    published: Mapping[str, str]  # name in the host's ControlNet: published name
    spatial: Mapping[str, str]  # name in the host's ControlNet: key in the file
    modules: Mapping[str, str]  # canonical name of a motion weight: key in the file


def detect_sparsectrl(header: Mapping[str, TensorInfo], metadata: Mapping[str, str], name: str) -> SparseSpec:
    """The spec of the SparseCtrl file `name` with this `header` and `metadata`. Raises MotionFileError for anything else."""
    try:
        found = sort_keys(header)
    except ValueError as error:
        raise MotionFileError(f'"{name}" is not a SparseCtrl model that Kinema can read: {error}.') from None
    keys = {without_prefix(key): key for key in found.other if not LEFTOVERS.search(key)}
    if not found.keys or not any(key.startswith(EMBEDDING) for key in keys):
        raise MotionFileError(wrong_kind(header, name, SPARSECTRL_FILE, "v3_sd15_sparsectrl_rgb"))
    shapes = {key: header[file_key].shape for key, file_key in keys.items()}
    condition = _condition(shapes, name)
    network = _network(shapes, condition, _heads(metadata, name), name)
    names = host_names(network, condition)
    if unknown := sorted(keys.keys() - names.keys()):
        raise MotionFileError(f'"{name}" has a key that no SparseCtrl model has: "{shown(unknown[0])}". {ADVICE}')
    motion_shapes = {key: header[file_key].shape for key, file_key in found.keys.items()}
    motion = MotionSpec(
        SPARSECTRL,
        modules_in(motion_shapes, name, sides=("down_blocks",)),
        max(position_tables(motion_shapes, name), default=SPARSECTRL.max_frames),
        count_attentions(motion_shapes),
    )
    check_complete(motion, motion_shapes, name)
    check_dtypes(header, found.keys, name)
    spatial = {names[key]: file_key for key, file_key in keys.items()}
    published = {host: key for key, host in names.items()}
    return SparseSpec(condition, network, motion, published, spatial, found.keys)


def _condition(shapes: Mapping[str, tuple[int, ...]], name: str) -> Condition:
    condition: Condition = "rgb" if f"{EMBEDDING}.weight" in shapes else "scribble"
    first = f"{EMBEDDING}.weight" if condition == "rgb" else f"{EMBEDDING}.conv_in.weight"
    shape = _shape(shapes, first, name)
    channels = CHANNELS[condition] + 1
    if shape[1] != channels:
        raise MotionFileError(
            f'"{name}" takes pictures of {shape[1]} channels, but a SparseCtrl model for {condition} takes {channels}. '
            f"{ADVICE}"
        )
    return condition


def _network(shapes: Mapping[str, tuple[int, ...]], condition: Condition, heads: int, name: str) -> dict[str, Any]:
    """The arguments of the host's ControlNet class, from the shapes: the host's own tables know the full width only."""
    width, channels = _shape(shapes, "conv_in.weight", name)[:2]
    levels = range(_count(shapes, "down_blocks.{}.resnets.0.conv1.weight"))
    widths = [_shape(shapes, f"down_blocks.{level}.resnets.0.conv1.weight", name)[0] for level in levels]
    blocks = [_count(shapes, f"down_blocks.{level}.resnets.{{}}.conv1.weight") for level in levels]
    depths = [
        _count(shapes, f"down_blocks.{level}.attentions.{block}.transformer_blocks.{{}}.norm1.weight")
        for level in levels
        for block in range(blocks[level])
    ]
    if bad := [each for each in (width, *widths) if each == 0 or each % width or each % 32 or each % heads]:
        raise MotionFileError(
            f'"{name}" has a level of {bad[0]} channels, but this number must be divisible by 32, by the model\'s '
            f"{heads} attention heads and by the first level's {width} channels. {ADVICE}"
        )
    middle = "mid_block.attentions.0."
    return {
        "image_size": 32,
        "in_channels": channels,
        "model_channels": width,
        "hint_channels": CHANNELS[condition] + 1,
        "num_res_blocks": blocks,
        "channel_mult": [each // width for each in widths],
        "transformer_depth": depths,
        "transformer_depth_middle": _count(shapes, middle + "transformer_blocks.{}.norm1.weight"),
        "context_dim": _shape(shapes, middle + "transformer_blocks.0.attn2.to_k.weight", name)[1],
        "use_linear_in_transformer": len(_shape(shapes, middle + "proj_in.weight", name)) == 2,
        "use_spatial_transformer": True,
        "num_heads": heads,
        "legacy": False,
    }


def host_names(network: Mapping[str, Any], condition: Condition) -> dict[str, str]:
    """The published names of the spatial weights, and those in the host's ControlNet with these arguments."""
    up_blocks = sum(network["num_res_blocks"]) + len(network["num_res_blocks"])
    names = dict(comfy.utils.unet_to_diffusers({**network, "transformer_depth_output": [0] * up_blocks}))
    layers = {"controlnet_mid_block": "middle_block_out.0"}
    layers |= {f"controlnet_down_blocks.{i}": f"zero_convs.{i}.0" for i in range(up_blocks)}
    if condition == "rgb":
        layers[EMBEDDING] = "input_hint_block.0"
    else:
        layers |= {f"{EMBEDDING}.conv_in": "input_hint_block.0", f"{EMBEDDING}.conv_out": "input_hint_block.14"}
        layers |= {f"{EMBEDDING}.blocks.{i}": f"input_hint_block.{2 * i + 2}" for i in range(6)}
    names |= {f"{key}.{part}": f"{host}.{part}" for key, host in layers.items() for part in ("weight", "bias")}
    return {key: host for key, host in names.items() if host.startswith(_PARTS)}


_PARTS = ("input_blocks.", "middle_block", "time_embed.", "zero_convs.", "input_hint_block.")
"""How the names in the host's ControlNet begin; its table of names is that of a whole UNet."""


def check_spatial(
    spec: SparseSpec, header: Mapping[str, TensorInfo], needed: Mapping[str, torch.Tensor], name: str
) -> None:
    """Raises MotionFileError unless the file `name` with this `header` has the `needed` weights of the host's ControlNet."""
    if missing := [spec.published[key] for key in needed if key not in spec.spatial]:
        raise MotionFileError(f'"{name}" is incomplete: it lacks "{missing[0]}". {ADVICE}')
    for key, file_key in spec.spatial.items():
        found = header[file_key]
        if key not in needed:
            raise MotionFileError(f'"{name}" has a key that no SparseCtrl model has: "{shown(file_key)}". {ADVICE}')
        if found.shape != tuple(needed[key].shape):
            shape = list(needed[key].shape)
            raise MotionFileError(
                f'"{name}": "{file_key}" has shape {list(found.shape)}, but {shape} is needed. {ADVICE}'
            )
    check_dtypes(header, {file_key: file_key for file_key in spec.spatial.values()}, name)


def _heads(metadata: Mapping[str, str], name: str) -> int:
    said = metadata.get(HEADS, str(USUAL_HEADS))
    if not said.isdecimal() or not 0 < int(said) <= 1024:
        raise MotionFileError(
            f'"{name}" gives "{shown(said)}" as its number of attention heads, but needs a number from 1 to '
            f"1024. {ADVICE}"
        )
    return int(said)


def _count(shapes: Mapping[str, tuple[int, ...]], pattern: str) -> int:
    """How many of the keys with the numbers 0, 1, 2, ... in `pattern` there are, without a gap."""
    count = 0
    while pattern.format(count) in shapes:
        count += 1
    return count


def _shape(shapes: Mapping[str, tuple[int, ...]], key: str, name: str) -> tuple[int, ...]:
    if len(shapes.get(key, ())) < 2:
        raise MotionFileError(f'"{name}" is incomplete: it lacks a usable "{key}". {ADVICE}')
    return shapes[key]
