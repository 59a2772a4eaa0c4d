"""What a curve is, sampled for a picture: a value for each step and frame, for each group of blocks that have the same."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...motion.host import HostSampling
from ..call.frames import Frames
from ..call.moment import Curve, Moment, Part
from ..call.progress import Progress
from .curve import value_at

SIZE = 64
SIDES = {"down_blocks": (4, 2), "mid_block": (1, 1), "up_blocks": (4, 3)}
"""The levels of SD1.5 and the motion modules of each."""


@dataclass(frozen=True)
class Sampled:
    """The values of a curve in blocks that have the same."""

    blocks: str  # names of the blocks that have these values; empty: all of them
    values: torch.Tensor  # (steps, frames), means over the picture
    pictures: torch.Tensor | None  # (frames, SIZE, SIZE) at the first step; None: it is even over the picture


def sample_curve(curve: Curve, frames: int, sigmas: torch.Tensor, model_sampling: HostSampling) -> list[Sampled]:
    """The curve at every frame of a video and every step of a run with the noise levels `sigmas` (steps + 1)."""
    video = Frames(frames, tuple(range(frames)), frames)
    moments = [Moment(video, (SIZE, SIZE), Progress(sigma, model_sampling, sigmas)) for sigma in sigmas[:-1]]
    groups: list[tuple[list[Part], Sampled]] = []
    for part in _parts() if curve.over_blocks else [None]:
        sampled = _sampled(curve, moments, part)
        alike = next((parts for parts, other in groups if torch.equal(other.values, sampled.values)), None)
        if alike is None:
            groups.append(([part] if part else [], sampled))
        elif part:
            alike.append(part)
    return [Sampled(_name(parts), sampled.values, sampled.pictures) for parts, sampled in groups]


def _parts() -> list[Part]:
    places = []
    for side, (levels, modules) in SIDES.items():
        for level in range(levels):
            stem = side if side == "mid_block" else f"{side}.{level}"
            places += [f"{stem}.motion_modules.{module}" for module in range(modules)]
    return [Part(place, attention) for place in places for attention in (0, 1)]


def _sampled(curve: Curve, moments: Sequence[Moment], part: Part | None) -> Sampled:
    frames = moments[0].frames.count
    values = [torch.as_tensor(value_at(curve, moment, part), dtype=torch.float32) for moment in moments]
    means = [value.mean((1, 2, 3)) if value.ndim else value[None] for value in values]
    first = values[0]
    pictures = first[:, 0].expand(frames, SIZE, SIZE) if first.ndim and first.shape[2:] != (1, 1) else None
    return Sampled("", torch.stack([mean.expand(frames) for mean in means]), pictures)


def _name(parts: Sequence[Part]) -> str:
    """What to call a group of attentions: whole sides by their names, others by level, module and attention."""
    if not parts:
        return ""
    words = []
    for side, (levels, modules) in SIDES.items():
        word, count = side.partition("_")[0], levels * modules
        mine = [part for part in parts if part.place.startswith(side)]
        which = {part.attention for part in mine}
        if len(mine) == 2 * count:
            words.append(word)
        elif len(mine) == count and len(which) == 1:
            words.append(f"{word} attn{2 if 1 in which else 1}")
        elif len(mine) > 4:
            words.append(f"{len(mine)} of {2 * count} attentions in {word}")
        else:
            words += [f"{word} {_number(part)}" for part in mine]
    return ", ".join(words[:4]) + (" ..." if len(words) > 4 else "")


def _number(part: Part) -> str:
    level, module = ([int(word) for word in part.place.split(".") if word.isdigit()] + [0])[:2]
    return f"{level}.{module} attn{(part.attention or 0) + 1}"
