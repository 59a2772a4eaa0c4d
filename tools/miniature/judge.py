"""Samples the miniature with the host's sampler and lets the detector judge pictures and clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from statistics import mean, median
from typing import Any

import comfy.sample
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from kinema.evaluation.pixels import flicker_and_motion, neighbour_difference

from . import detector, world
from .world import Style

STEPS = 20
CLIP_STEPS = 12
FRAMES = 16
BATCH = 16
CFG = 2.0
SAMPLER = "dpmpp_2m"
SCHEDULER = "karras"
FIRST_SEED = 4_000

Words = tuple[str, str, str]  # colour, direction, background
Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Score:
    """Shares of pictures, 0 to 1, that show what their prompt says."""

    pictures: int  # number of them
    found: float  # show a fish
    colour: float  # show a fish of the prompt's colour
    direction: float  # show a fish that faces the prompt's direction
    background: float  # show a fish before the prompt's background


@dataclass(frozen=True)
class ClipScore:
    """What clips of 128 pixels show: shares are 0 to 1, medians are over the clips."""

    clips: int  # number of them
    colour: float  # share of clips with the prompt's colour
    facing: float  # share of clips whose fish faces the prompt's direction
    moving: float  # share of clips whose fish moves in the prompt's direction
    background: float  # share of clips with the prompt's background
    found: float  # share of frames with a fish
    same_colour: float  # share of frames with the clip's colour
    same_shape: float  # share of frames whose fish has the clip's median area within 25 %
    jitter: float  # median, pixels: see Swim
    speed: float  # median, pixels per frame, whatever the direction
    growth: float  # median of the fish's area in the last frames over that in the first ones
    flicker: float  # median, percent of the value range
    difference: float  # of neighbouring frames: median, percent of the value range


def prompts(count: int) -> list[Words]:
    """Every combination of words equally often, in a fixed shuffled order."""
    every = list(product(world.COLOURS, world.DIRECTIONS, world.BACKGROUNDS))
    order = np.random.default_rng(0).permutation(len(every))
    return [every[order[i % len(every)]] for i in range(count)]


def stills(model: Any, clip: Any, vae: Any, wanted: Sequence[Words], seed: int = FIRST_SEED) -> Pictures:
    """One picture a prompt, each from a seed of its own, (n, 128, 128, 3)."""
    pictures = []
    for first in range(0, len(wanted), BATCH):
        chosen = wanted[first : first + BATCH]
        texts = [clip.encode_from_tokens(clip.tokenize(world.caption_of(*words))) for words in chosen]
        empty = torch.zeros(len(texts), 4, 16, 16)
        noise = torch.cat([comfy.sample.prepare_noise(empty[:1], seed + first + i) for i in range(len(texts))])
        pictures.append(sampled(model, clip, vae, noise, [[torch.cat(texts), {}]], STEPS, seed))
    return np.concatenate(pictures)


def animation(
    model: Any, clip: Any, vae: Any, words: Words, seed: int, frames: int = FRAMES, steps: int = CLIP_STEPS
) -> Pictures:
    """One clip (frames, 128, 128, 3) of MODEL, with motion or without."""
    noise = comfy.sample.prepare_noise(torch.zeros(frames, 4, 16, 16), seed)
    positive = clip.encode_from_tokens_scheduled(clip.tokenize(world.caption_of(*words)))
    return sampled(model, clip, vae, noise, positive, steps, seed)


def sampled(
    model: Any, clip: Any, vae: Any, noise: torch.Tensor, positive: Any, steps: int, seed: int, cfg: float = CFG
) -> Pictures:
    """Pictures (n, 128, 128, 3) of MODEL from `noise` (n, 4, 16, 16) and the CONDITIONING `positive`."""
    negative = clip.encode_from_tokens_scheduled(clip.tokenize(""))
    empty = torch.zeros_like(noise)
    latent = comfy.sample.sample(
        model, noise, steps, cfg, SAMPLER, SCHEDULER, positive, negative, empty, seed=seed, disable_pbar=True
    )
    pictures: Pictures = (vae.decode(latent).clamp(0, 1) * 255).round().byte().cpu().numpy()
    return pictures


def judge(pictures: Pictures, wanted: Sequence[Words], style: Style = "day") -> Score:
    right = np.zeros(4)
    for picture, (colour, direction, background) in zip(pictures, wanted, strict=True):
        fish = detector.find(picture, style)
        if fish is not None:
            right += (1, fish.colour == colour, fish.direction == direction, fish.background == background)
    return Score(len(wanted), *(float(share) for share in right / len(wanted)))


def judge_clips(clips: Sequence[Pictures], wanted: Sequence[Words], style: Style = "day") -> ClipScore:
    """The score of clips that were made for `wanted`."""
    rows = [_row(frames, words, style) for frames, words in zip(clips, wanted, strict=True)]
    shares = [float(mean(row[i] for row in rows)) for i in range(7)]
    medians = [median(row[i] for row in rows) for i in range(7, len(rows[0]))]
    return ClipScore(len(rows), *shares, *medians)


def _row(frames: Pictures, words: Words, style: Style) -> tuple[float, ...]:
    """The values of ClipScore's fields, after the first, for one clip."""
    colour, direction, background = words
    swim = detector.watch(frames, style)
    fish = [seen for frame in frames if (seen := detector.find(frame, style)) is not None]
    middle = median(seen.area for seen in fish) if fish else 1
    same_shape = sum(0.75 < seen.area / middle < 1.25 for seen in fish) / len(frames)
    pictures = torch.from_numpy(frames).float() / 255
    flicker, _ = flicker_and_motion(pictures, torch.device("cpu"), lambda: None)
    return (
        swim.colour == colour,
        swim.direction == direction,
        swim.moving == direction,
        swim.background == background,
        swim.found,
        swim.same_colour,
        same_shape,
        swim.jitter,
        abs(swim.speed),
        swim.size_change,
        flicker.mean().item(),
        neighbour_difference(pictures).mean().item(),
    )


def table(scores: Mapping[str, Score | ClipScore]) -> str:
    """A Markdown table, one row for each of `scores`; shares in percent."""
    names = [field.name for field in fields(next(iter(scores.values())))]
    lines = ["| | " + " | ".join(name.replace("_", " ") for name in names) + " |", "|---" * (len(names) + 1) + "|"]
    for title, score in scores.items():
        values = (_cell(name, getattr(score, name)) for name in names)
        lines.append(f"| {title} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def _cell(name: str, value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return f"{value:.2f}" if name in ("jitter", "speed", "growth", "flicker", "difference") else f"{100 * value:.0f} %"


def strip(clips: Sequence[Pictures], columns: int = 8) -> Image.Image:
    """One row a clip: `columns` of its frames, evenly spread."""
    chosen = np.linspace(0, len(clips[0]) - 1, columns).round().astype(int)
    return sheet(np.concatenate([clip[chosen] for clip in clips]), columns)


def sheet(pictures: Pictures, columns: int = 8) -> Image.Image:
    """Pictures in rows of `columns`."""
    rows = [np.concatenate(list(pictures[i : i + columns]), 1) for i in range(0, len(pictures), columns)]
    return Image.fromarray(np.concatenate(rows))
