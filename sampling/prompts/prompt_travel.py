"""Prompts that change over time: which two prompts each frame lies between, and their blended conditioning."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.utils
import torch

from ..curves.easings import EASINGS
from .prompt_lines import Key, PromptError, read_prompts


@dataclass(frozen=True)
class Mix:
    """What a frame shows: the prompt `before` and, with the `weight` 0..1, the prompt `after` (numbers of texts)."""

    before: int
    after: int
    weight: float


@dataclass(frozen=True)
class Travel:
    """The prompts of a video and the mix of each of its frames."""

    texts: tuple[str, ...]
    mixes: tuple[Mix, ...]


def plan_travel(source: str, frames: int, easing: str = "linear", loop: bool = False) -> Travel:
    """The prompts in `source` over `frames` frames. Raises PromptError.

    Before the first prompt's frame it holds, and after the last prompt's, unless a `loop` leads back to the first.
    """
    keys = read_prompts(source)
    stops: dict[int, tuple[int, bool, Key]] = {}  # frame: prompt, whether it holds on, where it was written
    for number, key in enumerate(keys):
        start = _frame(source, key, key.start, frames)
        last = start if key.end is None else _frame(source, key, key.end, frames, exclusive=True) - 1
        if last < start:
            raise PromptError(
                source, key.at, f"the range {key.start}:{key.end} is empty. Its end must be a later frame."
            )
        for frame, holds in {start: last > start or key.hold, last: key.hold}.items():
            if frame in stops:
                line = source.count("\n", 0, stops[frame][2].at) + 1
                raise PromptError(
                    source, key.at, f"frame {frame} has a prompt already, in line {line}. Remove one of them."
                )
            stops[frame] = number, holds, key
    path = [(frame, number, holds) for frame, (number, holds, _) in sorted(stops.items())]
    if loop:
        path = [(path[-1][0] - frames, *path[-1][1:]), *path, (path[0][0] + frames, *path[0][1:])]
    return Travel(tuple(key.text for key in keys), tuple(_mix(path, frame, EASINGS[easing]) for frame in range(frames)))


def _frame(source: str, key: Key, written: str, frames: int, exclusive: bool = False) -> int:
    """The frame that `written` stands for; `exclusive` ends may lie one behind the last."""
    share = float(written.rstrip("%")) / (100 if written.endswith("%") else 1)
    if written.endswith("%") or "." in written:
        if not 0 <= share <= 1:
            raise PromptError(source, key.at, f"{written} is no part of the video. Use 0.0 to 1.0, or 0% to 100%.")
        return frames if exclusive and share == 1 else min(int(share * frames), frames - 1)
    if share < -frames:
        raise PromptError(
            source, key.at, f"frame {written} is before the first of {frames} frames. Use -{frames} or more."
        )
    return int(share) + (frames if share < 0 else 0)


def _mix(path: Sequence[tuple[int, int, bool]], frame: int, ease: Callable[[float], float]) -> Mix:
    earlier = [stop for stop in path if stop[0] <= frame]
    later = [stop for stop in path if stop[0] > frame]
    if not earlier or not later or earlier[-1][2]:
        number = (earlier[-1] if earlier else later[0])[1]
        return Mix(number, number, 0.0)
    (start, before, _), (end, after, _) = earlier[-1], later[0]
    return Mix(before, after, ease((frame - start) / (end - start)))


def encode_travel(clip: Any, travel: Travel, before: str, after: str, spherical: bool) -> list[list[Any]]:
    """The host's CONDITIONING with one row per frame: every text of `travel`, between `before` and `after`, encoded
    once by `clip` (CLIP), and blended along straight lines or, `spherical`, along arcs."""
    encoded = []
    progress = comfy.utils.ProgressBar(len(travel.texts))
    for text in travel.texts:
        encoded.append(clip.encode_from_tokens_scheduled(clip.tokenize(_joined(before, text, after))))
        progress.update(1)
    parts = zip(*encoded, strict=True)  # more than one where a LoRA of the text encoder comes and goes
    return [_blended(part, travel, spherical) for part in parts]


def _joined(*texts: str) -> str:
    return ", ".join(filter(None, (text.strip().strip(",").strip() for text in texts)))


def _blended(entries: Sequence[list[Any]], travel: Travel, spherical: bool) -> list[Any]:
    length = math.lcm(*(tokens.shape[1] for tokens, _ in entries))
    # Attention to tokens that come several times over is attention to them: lengths differ by whole chunks
    tokens = [t.repeat(1, length // t.shape[1], 1) for t, _ in entries]
    extra = dict(entries[0][1])
    pooled = [more.get("pooled_output") for _, more in entries]
    if all(p is not None for p in pooled):
        extra["pooled_output"] = _rows(pooled, travel, spherical)
    return [_rows(tokens, travel, spherical), extra]


def _rows(values: Sequence[torch.Tensor], travel: Travel, spherical: bool) -> torch.Tensor:
    """One row per frame of `values`, each (1, ...)."""
    mix = slerp if spherical else torch.lerp
    return torch.cat(
        [values[m.before] if m.weight == 0 else mix(values[m.before], values[m.after], m.weight) for m in travel.mixes]
    )


def slerp(a: torch.Tensor, b: torch.Tensor, weight: float) -> torch.Tensor:
    """From `a` to `b` (..., c) along the arc between their directions; lengths change evenly (Shoemake 1985)."""
    long, longer = (torch.linalg.vector_norm(x, dim=-1, keepdim=True) for x in (a, b))
    one, two = a / long.clamp(min=1e-12), b / longer.clamp(min=1e-12)
    angle = torch.arccos((one * two).sum(-1, keepdim=True).clamp(-1, 1))
    sine = torch.sin(angle)
    arc = (torch.sin((1 - weight) * angle) * one + torch.sin(weight * angle) * two) / sine.clamp(min=1e-12)
    straight = (sine < 1e-4) | (torch.minimum(long, longer) < 1e-6)
    return torch.where(straight, torch.lerp(a, b, weight), arc * torch.lerp(long, longer, weight))
