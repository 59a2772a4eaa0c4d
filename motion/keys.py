"""The published key layouts of motion models, brought to one set of names.

Canonical names are AnimateDiff's own without the constant "temporal_transformer" part, e.g.
"up_blocks.1.motion_modules.2.transformer_blocks.0.attention_blocks.0.to_q.weight".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .families import FAMILIES
from .spec import KeyLayout

POSITIONS = ".pos_encoder.pe"
HEADS = "num_attention_heads"
"""The entry in the metadata of a .safetensors file that says how many heads attentions have: no shape does."""
USUAL_HEADS = 8
IGNORED = ("animatediff_config",)

LAYOUTS = (KeyLayout(), *(family.layout for family in FAMILIES.values()))
CONTAINERS = tuple(dict.fromkeys(layout.container for layout in LAYOUTS))  # the usual one first
EXTRA = "|".join(part.removesuffix(".") for family in FAMILIES.values() for part in family.extra)
ENDS = "conv_in|conv_out|conv_norm_out|time_embedding|add_embedding"  # parts of a UNet outside its blocks
MODEL_PREFIX = re.compile(
    r"^(?:module\.|unet\.|model\.|diffusion_model\.|motion_model\.|controlnet\.)+"
    rf"(?=(?:down_blocks|mid_block|up_blocks|controlnet_[a-z_]+|{ENDS}|{EXTRA})\.)"
)
MODULE = re.compile(
    r"^(?P<block>(?:down|up)_blocks\.(?:0|[1-9][0-9]?)|mid_block)\."
    rf"(?P<container>{'|'.join(CONTAINERS)})\.(?P<index>0|[1-9][0-9]?)\."
    r"(?:temporal_transformer\.)?(?P<rest>.+)$"
)

DIFFUSERS_NAMES = (
    (".attn1.", ".attention_blocks.0."),
    (".attn2.", ".attention_blocks.1."),
    (".norm1.", ".norms.0."),
    (".norm2.", ".norms.1."),
    (".norm3.", ".ff_norm."),
    (".pos_embed.pe", ".attention_blocks.0.pos_encoder.pe"),
)
POSITION_NAMES = tuple((f".{layout.positions}", POSITIONS) for layout in LAYOUTS if layout.positions is not None)

UNET = re.compile(
    rf"^(?:{ENDS}"
    r"|(?:down_blocks\.[0-9]+|mid_block|up_blocks\.[0-9]+)\.(?:resnets|attentions|downsamplers|upsamplers))(?=\.)"
)
"""Parts of the image model's UNet, which the authors' training script and diffusers save with the motion modules."""
LEFTOVERS = re.compile(r"(?:^|\.)(?P<name>num_updates|decay|pos_encoder\.pos_encoding)$")
"""What a moving average of weights leaves in a file, and the position tables of AnimateLCM's own code, which are the
formula's."""


@dataclass(frozen=True)
class FileKeys:
    """The keys of a file, sorted."""

    keys: Mapping[str, str]  # canonical name of each weight of the motion model: its key in the file
    other: tuple[str, ...]  # keys of all else
    container: str  # what the file calls the list of motion modules of a block, as in KeyLayout


def canonical(key: str) -> str | None:
    """The canonical name of a motion weight, or None for any other key."""
    match = MODULE.match(without_prefix(key))
    if match is None or LEFTOVERS.search(key):
        return None
    rest = "." + match["rest"]
    for theirs, ours in (*DIFFUSERS_NAMES, *POSITION_NAMES):
        rest = rest.replace(theirs, ours)
    return f"{match['block']}.motion_modules.{match['index']}{rest}"


def without_prefix(key: str) -> str:
    """`key` without what programs put in front of all keys of a model."""
    return MODEL_PREFIX.sub("", key)


def left_out(key: str) -> str | None:
    """What a `key` that belongs to no motion module is a part of, such as "down_blocks.0.resnets", if it is usual next to
    motion modules and no part of them; None if it is unknown."""
    if leftover := LEFTOVERS.search(key):
        return leftover["name"]
    part = UNET.match(without_prefix(key))
    return None if part is None else part[0]


def sort_keys(keys: Iterable[str]) -> FileKeys:
    """Sorts the keys of a file into motion weights and others. Raises ValueError if two keys mean the same weight."""
    found: dict[str, str] = {}
    other: list[str] = []
    for key in keys:
        name = canonical(key)
        if name is None:
            if not key.startswith(IGNORED):
                other.append(key)
        elif name in found:
            raise ValueError(f'its keys "{found[name]}" and "{key}" name the same weight')
        else:
            found[name] = key
    used = (name for name in reversed(CONTAINERS) if any(f".{name}." in key for key in found.values()))
    return FileKeys(found, tuple(other), container=next(used, CONTAINERS[0]))


def place_of(name: str) -> str:
    """The place of the motion module that a canonical name belongs to, e.g. "mid_block.motion_modules.0". What belongs to
    none is its own place, e.g. "conv_in"."""
    block, inside, rest = name.partition(".motion_modules.")
    return f"{block}{inside}{rest.split('.')[0]}" if inside else name.split(".")[0]


def places(names: Iterable[str]) -> list[str]:
    """The places of motion modules among canonical names, from the first down block to the last up block."""
    order = {"down_blocks": 0, "mid_block": 1, "up_blocks": 2}
    found = {place_of(name) for name in names}
    return sorted(found, key=lambda place: (order[place.split(".")[0]], [int(n) for n in re.findall(r"\d+", place)]))


def module_template(width: int, attentions: int) -> dict[str, tuple[int, ...]]:
    """Names within one motion module and their shapes, position tables left out."""
    shapes: dict[str, tuple[int, ...]] = {
        **_affine("norm", width),
        **_linear("proj_in", width, width),
        **_linear("proj_out", width, width),
    }
    block = "transformer_blocks.0."
    for i in range(attentions):
        for name in ("to_q", "to_k", "to_v"):
            shapes[f"{block}attention_blocks.{i}.{name}.weight"] = (width, width)
        shapes |= _linear(f"{block}attention_blocks.{i}.to_out.0", width, width)
        shapes |= _affine(f"{block}norms.{i}", width)
    shapes |= _linear(f"{block}ff.net.0.proj", 8 * width, width)
    shapes |= _linear(f"{block}ff.net.2", width, 4 * width)
    shapes |= _affine(f"{block}ff_norm", width)
    return shapes


def _linear(name: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def _affine(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
