"""Samples the miniature's image models with the host's sampler and lets the detector judge them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

import comfy.model_patcher
import comfy.sample
import comfy.sd
import numpy as np
import torch
from PIL import Image

from . import detector, world
from .world import Style

STEPS = 20
BATCH = 16
CFG = 4.0
SAMPLER = "dpmpp_2m"
SCHEDULER = "karras"
FIRST_SEED = 4_000


@dataclass(frozen=True)
class Score:
    """Shares of pictures, 0 to 1, that show what their prompt says."""

    pictures: int
    found: float
    colour: float
    direction: float
    background: float


def prompts(count: int) -> list[tuple[str, str, str]]:
    """(colour, direction, background), every combination equally often, in a fixed shuffled order."""
    every = list(product(world.COLOURS, world.DIRECTIONS, world.BACKGROUNDS))
    order = np.random.default_rng(0).permutation(len(every))
    return [every[order[i % len(every)]] for i in range(count)]


def sample(
    model: comfy.model_patcher.ModelPatcher, clip: comfy.sd.CLIP, vae: comfy.sd.VAE, captions: Sequence[str], seed: int
) -> np.ndarray:
    """One picture a caption, each from a seed of its own, uint8 (n, 128, 128, 3)."""
    nothing = clip.encode_from_tokens(clip.tokenize(""))
    pictures = []
    for first in range(0, len(captions), BATCH):
        texts = [clip.encode_from_tokens(clip.tokenize(caption)) for caption in captions[first : first + BATCH]]
        empty = torch.zeros(len(texts), 4, 16, 16)
        noise = torch.cat([comfy.sample.prepare_noise(empty[:1], seed + first + i) for i in range(len(texts))])
        positive, negative = [[torch.cat(texts), {}]], [[nothing, {}]]
        latent = comfy.sample.sample(
            model, noise, STEPS, CFG, SAMPLER, SCHEDULER, positive, negative, empty, seed=seed, disable_pbar=True
        )
        pictures.append(vae.decode(latent))
    return (torch.cat(pictures).clamp(0, 1) * 255).round().byte().cpu().numpy()


def judge(pictures: np.ndarray, wanted: Sequence[tuple[str, str, str]], style: Style = "day") -> Score:
    right = np.zeros(4)
    for picture, (colour, direction, background) in zip(pictures, wanted, strict=True):
        fish = detector.find(picture, style)
        if fish is not None:
            right += (1, fish.colour == colour, fish.direction == direction, fish.background == background)
    return Score(len(wanted), *(float(share) for share in right / len(wanted)))


def report(
    model: comfy.model_patcher.ModelPatcher,
    clip: comfy.sd.CLIP,
    vae: comfy.sd.VAE,
    folder: Path,
    name: str,
    style: Style = "day",
    count: int = 64,
) -> Score:
    """Sample, judge, and write a contact sheet NAME.png and NAME.json into `folder`."""
    wanted = prompts(count)
    pictures = sample(model, clip, vae, [world.caption_of(*words) for words in wanted], FIRST_SEED)
    score = judge(pictures, wanted, style)
    sheet(pictures).save(folder / f"{name}.png")
    (folder / f"{name}.json").write_text(json.dumps(asdict(score), indent=2) + "\n")
    return score


def sheet(pictures: np.ndarray, columns: int = 8) -> Image.Image:
    """Pictures in rows of `columns`."""
    rows = [np.concatenate(list(pictures[i : i + columns]), 1) for i in range(0, len(pictures), columns)]
    return Image.fromarray(np.concatenate(rows))
