"""The published key layouts of motion models, brought to one set of names.

Canonical names are AnimateDiff's own without the constant "temporal_transformer" part, e.g.
"up_blocks.1.motion_modules.2.transformer_blocks.0.attention_blocks.0.to_q.weight".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PREFIX = re.compile(
    r"^(?:module\.|unet\.|model\.|diffusion_model\.|motion_model\.)+(?=(?:down_blocks|mid_block|up_blocks)\.)"
)
MODULE = re.compile(
    r"^(?P<block>(?:down|up)_blocks\.(?:0|[1-9][0-9]?)|mid_block)\."
    r"(?P<container>motion_modules|temporal_attentions)\.(?P<index>0|[1-9][0-9]?)\."
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
HOTSHOT_CONTAINER = "temporal_attentions"
HOTSHOT_NAMES = ((".positional_encoding", ".pe"),)

POSITIONS = ".pos_encoder.pe"
IGNORED = ("animatediff_config",)


@dataclass(frozen=True)
class Layout:
    """Where a file keeps each motion weight: canonical name → key in the file; `other` are keys that are no motion."""

    keys: Mapping[str, str]
    other: tuple[str, ...]
    container: str
    """What the file calls the list of motion modules of a block: "motion_modules", or "temporal_attentions"."""


def canonical(key: str) -> str | None:
    """The canonical name of a motion weight, or None for any other key."""
    match = MODULE.match(PREFIX.sub("", key))
    if match is None:
        return None
    rest = "." + match["rest"]
    for theirs, ours in DIFFUSERS_NAMES + HOTSHOT_NAMES:
        rest = rest.replace(theirs, ours)
    return f"{match['block']}.motion_modules.{match['index']}{rest}"


def read_layout(keys: Iterable[str]) -> Layout:
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
    renamed = any(f".{HOTSHOT_CONTAINER}." in key for key in found.values())
    return Layout(found, tuple(other), HOTSHOT_CONTAINER if renamed else "motion_modules")


def place_of(name: str) -> str:
    """The place of the motion module that a canonical name belongs to, e.g. "mid_block.motion_modules.0"."""
    block, rest = name.split(".motion_modules.", 1)
    return f"{block}.motion_modules.{rest.split('.')[0]}"


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
