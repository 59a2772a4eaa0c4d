"""Measures whether animations show the pictures that the miniature's SparseCtrl is given, and writes pictures.md.

Without a prompt and with cfg 1, only the pictures can tell the model what to draw.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import comfy.sample
import numpy as np
import torch

from kinema.miniature import models
from kinema.sampling.sparsectrl.placement import read_placement
from kinema.sampling.sparsectrl.sparse_control import SparseControl, SparseSettings
from kinema.sampling.sparsectrl.sparse_model import SparseModel, load_sparsectrl

from . import detector, judge, pictures_text, world
from .detector import Fish
from .judge import Pictures
from .loop import OutOfTime
from .measured import fingerprint, measured
from .series import animated, base
from .world import Scene

FIRST_SEED = 80_000_000
NEAR = world.SIZE / 10  # pixels: how far from the fish of the picture it may be
SHOWN = 6  # clips of each row in the picture that is kept beside its figures


@dataclass(frozen=True)
class Row:
    """Which pictures of a drawn clip an animation is given."""

    title: str  # first cell of its row on the page
    clips: int  # number of them
    frames: tuple[int, ...]  # that have pictures; none: the animation has no control
    is_prompted: bool  # whether the prompt says what the drawn clip shows; else it is empty, and cfg is 1


@dataclass(frozen=True)
class Likeness:
    """How much animations resemble the drawn clips that their pictures are from; shares are 0 to 1."""

    clips: int  # number of them
    colour: float  # share of all frames with a fish of the same colour
    first_place: float  # share of clips whose fish is near the drawn one in the first frame
    first_facing: float  # share of clips whose fish faces as the drawn one in the first frame
    last_colour: float  # share of clips whose fish has the same colour in the last frame
    last_place: float  # share of clips whose fish is near the drawn one in the last frame
    swims: float  # share of clips whose fish swims in the direction that it faces
    speed: float  # median, pixels per frame, whatever the direction


ROWS = (
    Row("no picture, no prompt", 32, (), False),
    Row("first frame, no prompt", 64, (0,), False),
    Row("first and last frame, no prompt", 64, (0, judge.FRAMES - 1), False),
    Row("last frame, no prompt", 64, (judge.FRAMES - 1,), False),
    Row("first frame, with the prompt", 32, (0,), True),
)


def make(folder: Path, stop_at: float) -> None:
    """Measures what was not measured yet with these files and writes the page. Raises OutOfTime at `stop_at`."""
    _, clip, vae = models.load_miniature()
    parts = (animated(base()), clip, vae)
    control = load_sparsectrl(models.FOLDER / models.SPARSE_CONTROL)
    pictures_text.write({row.title: _measured(row, parts, control, folder, stop_at) for row in ROWS})


def _measured(row: Row, parts: tuple[Any, Any, Any], control: SparseModel, folder: Path, stop_at: float) -> Likeness:
    path = folder / f"pictures_{ROWS.index(row)}.json"

    def measure() -> Likeness:
        drawn = [world.scene(FIRST_SEED + i) for i in range(row.clips)]
        clips = list[Pictures]()
        for i, shown in enumerate(drawn):
            clips.append(animation(parts, control, row, shown, FIRST_SEED + i))
            if time.time() > stop_at:
                raise OutOfTime(
                    f"pictures: the time limit was reached after {i + 1} of {row.clips} clips of {row.title}"
                )
        strips = [each for pair in zip(map(world.draw, drawn), clips, strict=True) for each in pair]
        judge.strip(strips[: 2 * SHOWN]).save(path.with_suffix(".png"))
        likeness = compared(clips, drawn)
        print(row.title, likeness, flush=True)
        return likeness

    files = (models.BASE, models.MOTION, models.VAE, models.SPARSE_CONTROL)
    return Likeness(**measured(path, fingerprint(row, files), measure))


@torch.inference_mode()
def animation(parts: tuple[Any, Any, Any], control: SparseModel, row: Row, shown: Scene, seed: int) -> Pictures:
    """A clip (frames, 128, 128, 3) that is given of the drawn clip `shown` what `row` says."""
    model, clip, vae = parts
    guided = clip.encode_from_tokens_scheduled(clip.tokenize(shown.caption if row.is_prompted else ""))
    if row.frames:
        placed = SparseControl(control, SparseSettings(read_placement(", ".join(map(str, row.frames)))))
        pictures = torch.from_numpy(world.draw(shown)[list(row.frames)].astype(np.float32) / 255)
        placed.set_cond_hint(pictures.movedim(-1, 1), 1.0, (0.0, 1.0), vae=vae)
        guided = [[text, {**more, "control": placed, "control_apply_to_uncond": True}] for text, more in guided]
    noise = comfy.sample.prepare_noise(torch.zeros(judge.FRAMES, 4, 16, 16), seed)
    cfg = judge.CFG if row.is_prompted else 1.0
    return judge.sampled(model, clip, vae, noise, guided, judge.CLIP_STEPS, seed, cfg)


def compared(clips: Sequence[Pictures], drawn: Sequence[Scene]) -> Likeness:
    """How the animations resemble the drawn clips."""
    rows = [_row(frames, shown) for frames, shown in zip(clips, drawn, strict=True)]
    shares = [float(mean(row[i] for row in rows)) for i in range(6)]
    speed = float(median(row[6] for row in rows))
    return Likeness(len(rows), *[*shares, speed])


def _row(frames: Pictures, shown: Scene) -> tuple[float, ...]:
    """The values of Likeness' fields, after the first, for one clip."""
    fish = [detector.find(frame) for frame in frames]
    first, last = fish[0], fish[-1]
    swim = detector.watch(frames)
    places = shown.seen()
    return (
        mean(_has_colour(each, shown) for each in fish),
        _is_near(first, places[0]),
        first is not None and first.direction == shown.direction,
        _has_colour(last, shown),
        _is_near(last, places[-1]),
        swim.moving == swim.direction,
        abs(swim.speed),
    )


def _has_colour(fish: Fish | None, shown: Scene) -> bool:
    return fish is not None and fish.colour == shown.colour


def _is_near(fish: Fish | None, place: Any) -> bool:
    return fish is not None and float(np.hypot(fish.x - place[0], fish.y - place[1])) <= NEAR
