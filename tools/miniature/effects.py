"""Measures on the miniature what guidance, noise and references do to an animation, and writes guidance.md."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import torch
from comfy.patcher_extension import WrappersMP

from kinema.evaluation.pixels import flicker_and_motion, neighbour_difference
from kinema.miniature import models

from . import detector, effects_text, judge, report, world
from .effects_rows import Row, rows
from .judge import Pictures
from .loop import OutOfTime
from .series import animated, base

CLIPS = 3
STEPS = 8
FIRST_SEED = 60_000_000
ENDS = 8  # frames at either end of a clip whose backgrounds are compared


@dataclass(frozen=True)
class Effect:
    """What one row measures: shares and costs are means over clips, all other values are medians."""

    found: float  # share of frames with a fish
    same_shape: float  # share of frames whose fish has the clip's median area within 25 %
    jitter: float  # pixels: see Swim
    difference: float  # of neighbouring frames, percent of the value range
    flicker: float  # percent of the value range, as in Animation Metrics
    motion: float  # per frame, percent of the picture's side, as in Animation Metrics
    drift: float  # of the background from the first frames to the last ones, percent of the value range
    distance: float  # from the drawn picture of the prompt, percent of the value range
    passes: float  # whole videos through the UNet
    seconds: float  # of processor time for sampling


class Meter:
    """Counts what the runs of a MODEL cost."""

    def __init__(self, model: Any) -> None:
        self.latents, self.seconds, self.model = 0, 0.0, model.clone()
        self.model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, "effects", self._sample)
        self.model.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "effects", self._call)

    def _sample(self, executor: Any, *args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        try:
            return executor(*args, **kwargs)
        finally:
            self.seconds += time.process_time() - start

    def _call(self, executor: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        self.latents += x.shape[0]
        return executor(x, *args, **kwargs)


def make(folder: Path, stop_at: float) -> None:
    """Measures what was not measured yet with these files and writes the page. Raises OutOfTime at `stop_at`."""
    parts = models.load_miniature()
    effects_text.write([(row, asdict(_measured(row, parts, folder, stop_at))) for row in rows()], CLIPS, STEPS)


def _measured(row: Row, parts: tuple[Any, Any, Any], folder: Path, stop_at: float) -> Effect:
    path = folder / f"effect_{sha256(row.name.encode()).hexdigest()[:12]}.json"
    made_of = _fingerprint(row)
    if path.exists() and (stored := json.loads(path.read_text()))["made of"] == made_of:
        return Effect(**stored["effect"])
    clips = list[tuple[float, ...]]()
    for seed in range(FIRST_SEED, FIRST_SEED + CLIPS):
        clips.append(_clip(row, parts, seed))
        if time.time() > stop_at:
            raise OutOfTime(f"effects: the time limit was reached after {len(clips)} of {CLIPS} clips of {row.title}")
    values = {
        field.name: (mean if field.name in ("found", "same_shape", "passes", "seconds") else median)(column)
        for field, column in zip(fields(Effect), zip(*clips, strict=True), strict=True)
    }
    path.write_text(json.dumps({"made of": made_of, "effect": values}))
    print(row.title, {name: round(value, 2) for name, value in values.items()}, flush=True)
    return Effect(**values)


def _clip(row: Row, parts: tuple[Any, Any, Any], seed: int) -> tuple[float, ...]:
    """The values of Effect's fields for one clip."""
    _, clip, vae = parts
    drawn, shown = world.clip(seed, across=True)
    picture = torch.from_numpy(drawn[len(drawn) // 2].astype(np.float32) / 255)
    meter = Meter(row.change(animated(base()), picture[None], vae))
    words = shown.colour, shown.direction, shown.background
    frames = judge.animation(meter.model, clip, vae, words, seed % 1000 + report.FIRST_SEED, row.frames, STEPS)
    return *_seen(frames, picture), meter.latents / row.frames, meter.seconds


def _seen(frames: Pictures, picture: torch.Tensor) -> tuple[float, ...]:
    fish = [found for frame in frames if (found := detector.find(frame)) is not None]
    middle = median(one.area for one in fish) if fish else 1
    video = torch.from_numpy(frames).float() / 255
    flicker, motion = flicker_and_motion(video, torch.device("cpu"), lambda: None)
    first = video[:ENDS].median(0).values  # the fish swims out of it
    last = video[-ENDS:].median(0).values
    return (
        len(fish) / len(frames),
        sum(0.75 < one.area / middle < 1.25 for one in fish) / len(frames),
        detector.watch(frames).jitter,
        neighbour_difference(video).mean().item(),
        flicker.mean().item(),
        motion.mean().item(),
        100 * (first - last).abs().mean().item(),
        100 * (video - picture).abs().mean().item(),
    )


def _fingerprint(row: Row) -> str:
    """Changes with the files, the sampler's settings, the number of clips and what the row is."""
    settings = (row.name, CLIPS, STEPS, judge.CFG, judge.SAMPLER, judge.SCHEDULER)
    contents = (sha256((models.FOLDER / file).read_bytes()).hexdigest() for file in (models.BASE, models.MOTION))
    return sha256(" ".join([repr(settings), *contents]).encode()).hexdigest()
