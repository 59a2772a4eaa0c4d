"""Prompts that change over time: which two prompts each frame lies between, and their blended conditioning."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import comfy.utils
import torch

from ...motion.host import HostCLIP
from ..curves.easings import EASINGS
from ..curves.timeline import Span, TextError, share_of
from .prompt import PROMPT_TITLE, Prompt
from .prompt_text import read_prompts

FARTHEST = 10**15
"""Frames beyond this one count as it: a prompt may lie after the end of the video, and a written number may be infinite."""


@dataclass(frozen=True)
class Mix:
    """What a frame shows: a blend of two prompts."""

    before: int  # number of the prompt that is left, from 0
    after: int  # number of the prompt that comes next, from 0
    weight: float  # 0..1, of the prompt `after`


@dataclass(frozen=True)
class Travel:
    """What a whole video shows."""

    texts: tuple[str, ...]  # the prompts, in the order of the source
    mixes: tuple[Mix, ...]  # one for each frame
    after_end: tuple[int, ...] = ()  # frames of prompts after the last frame, rising


@dataclass(frozen=True)
class Stop:
    """A frame at which one prompt is reached."""

    frame: int  # from 0; before or after the video where a loop leads there
    prompt: int  # the number of its text
    holds: bool  # whether it stays until the next stop
    at: int  # the index of its prompt in the source


def plan_travel(source: str, frames: int, easing: str = "linear", loop: bool = False) -> Travel:
    """The prompts in `source` over `frames` frames. Raises TextError.

    The first prompt also covers the frames before its own, and the last one those after it, unless a `loop` leads from
    the last back to the first.
    """
    prompts = read_prompts(source)
    stops = sorted(_stops(source, prompts, frames), key=lambda stop: stop.frame)
    after_end = tuple(stop.frame for stop in stops if stop.frame >= frames)
    if loop:
        before = replace(stops[-1], frame=stops[-1].frame - frames)
        after = replace(stops[0], frame=stops[0].frame + frames)
        stops = [before, *stops, after]
    ease = EASINGS[easing].curve
    mixes = tuple(_mix(stops, frame, ease) for frame in range(frames))
    return Travel(tuple(prompt.text for prompt in prompts), mixes, after_end)


def _stops(source: str, prompts: Sequence[Prompt], frames: int) -> Iterable[Stop]:
    """One stop for each prompt, and two for a range. Raises TextError for two at one frame."""
    stops: dict[int, Stop] = {}
    for number, prompt in enumerate(prompts):
        for stop in _stops_of(source, prompt.span, number, frames):
            if stop.frame in stops:
                line = source.count("\n", 0, stops[stop.frame].at) + 1
                problem = f"frame {stop.frame} already has a prompt, on line {line}. Remove one of the two prompts."
                raise TextError(PROMPT_TITLE, source, stop.at, problem)
            stops[stop.frame] = stop
    return stops.values()


def _stops_of(source: str, span: Span, number: int, frames: int) -> list[Stop]:
    first = _frame(source, span, span.start, frames)
    if span.end is None:
        return [Stop(first, number, span.hold, span.at)]
    last = _end(source, span, span.end, frames) - 1
    if last < first:
        problem = f"the range {span.start}:{span.end} is empty. Its end must be later than its start."
        raise TextError(PROMPT_TITLE, source, span.at, problem)
    if last == first:
        return [Stop(first, number, span.hold, span.at)]
    return [Stop(first, number, True, span.at), Stop(last, number, span.hold, span.at)]


def _end(source: str, span: Span, written: str, frames: int) -> int:
    """The first frame after a range, which is one past the last where the range ends with the video."""
    return frames if share_of(written) == 1 else _frame(source, span, written, frames)


def _frame(source: str, span: Span, written: str, frames: int) -> int:
    """The frame that `written` stands for."""
    share = share_of(written)
    if share is not None:
        if not 0 <= share <= 1:
            problem = f"{written} is outside the video. Use 0.0 to 1.0, or 0% to 100%."
            raise TextError(PROMPT_TITLE, source, span.at, problem)
        return min(int(share * frames), frames - 1)
    number = int(min(max(float(written), -FARTHEST), FARTHEST))
    if number < -frames:
        problem = f"frame {written} is before the first of {frames} frames. Use -{frames} or more."
        raise TextError(PROMPT_TITLE, source, span.at, problem)
    return number + frames if number < 0 else number


def _mix(stops: Sequence[Stop], frame: int, ease: Callable[[float], float]) -> Mix:
    earlier = [stop for stop in stops if stop.frame <= frame]
    later = [stop for stop in stops if stop.frame > frame]
    if not earlier:
        return Mix(later[0].prompt, later[0].prompt, 0.0)
    before = earlier[-1]
    if not later or before.holds:
        return Mix(before.prompt, before.prompt, 0.0)
    after = later[0]
    return Mix(before.prompt, after.prompt, ease((frame - before.frame) / (after.frame - before.frame)))


def encode_travel(clip: HostCLIP, travel: Travel, before: str, after: str, spherical: bool) -> list[list[Any]]:
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
    blend = slerp if spherical else torch.lerp
    rows = []
    for mix in travel.mixes:
        before = values[mix.before]
        rows.append(before if mix.weight == 0 else blend(before, values[mix.after], mix.weight))
    return torch.cat(rows)


def slerp(a: torch.Tensor, b: torch.Tensor, weight: float) -> torch.Tensor:
    """From `a` to `b` (..., c) along the arc between their directions; lengths change evenly (Shoemake 1985)."""
    length_a = torch.linalg.vector_norm(a, dim=-1, keepdim=True)
    length_b = torch.linalg.vector_norm(b, dim=-1, keepdim=True)
    unit_a = a / length_a.clamp(min=1e-12)
    unit_b = b / length_b.clamp(min=1e-12)
    angle = torch.arccos((unit_a * unit_b).sum(-1, keepdim=True).clamp(-1, 1))
    sine = torch.sin(angle)
    arc = (torch.sin((1 - weight) * angle) * unit_a + torch.sin(weight * angle) * unit_b) / sine.clamp(min=1e-12)
    straight = (sine < 1e-4) | (torch.minimum(length_a, length_b) < 1e-6)
    return torch.where(straight, torch.lerp(a, b, weight), arc * torch.lerp(length_a, length_b, weight))
