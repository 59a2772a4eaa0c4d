"""Long videos of the miniature in windows of all kinds: flicker, jumps, drift, and whether the fish swims in one go.

A video is four times as long as the windows, which have --frames frames. Prompts and seeds are fixed beforehand.
"""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import mean
from typing import Any

import comfy.sample
import torch

from kinema.evaluation.pixels import neighbour_difference
from kinema.miniature import models
from kinema.sampling.run.attach import added, changed
from kinema.sampling.windows.context_windows import automatic_windows
from kinema.sampling.windows.motion_windows import MotionWindows
from tools.bench.endless import FIRST_SEED, SIDE, drift_of, encoded, flicker_of
from tools.bench.measure import Options, Result
from tools.miniature import detector, judge
from tools.miniature.series import animated, base

STEPS = 10
LONG = 4  # windows' lengths of a video
SHARES = (0.1, 0.25, 1.0)  # of global_attention


def run(options: Options) -> Iterator[Result]:
    _, clip, vae = models.load_miniature()
    length = options.frames
    for name, model in _models(length).items():
        videos = [
            _video(model, clip, vae, words, seed, LONG * length)
            for seed, words in enumerate(judge.prompts(options.rounds), start=FIRST_SEED)
        ]
        measures: dict[str, Callable[[torch.Tensor], float]] = {
            "flicker, %": flicker_of,
            "largest change ÷ median change": _jump,
            "drift of the colours, last window - first, %": partial(drift_of, length=length),
            "distance of the fish from smooth motion, pixels": lambda video: detector.watch(_bytes(video)).jitter,
            "speed of the fish, pixels per frame": lambda video: abs(detector.watch(_bytes(video)).speed),
        }
        for what, measure in measures.items():
            yield Result(f"{name}: {what}", mean(map(measure, videos)), "")


def _models(length: int) -> dict[str, Any]:
    """The MODEL with each kind of windows of `length` frames."""
    model = animated(base())
    overlap = length // 4
    inside = {
        "motion windows": MotionWindows(length, overlap),
        "FreeNoise": MotionWindows(length, overlap, freenoise=True),
        **{f"global_attention {share:g}": MotionWindows(length, overlap, global_attention=share) for share in SHARES},
    }
    return {
        "context windows": added(model, windows=automatic_windows(length)),
        **{name: changed(model, motion_windows=windows) for name, windows in inside.items()},
    }


@torch.inference_mode()
def _video(model: Any, clip: Any, vae: Any, words: judge.Words, seed: int, frames: int) -> torch.Tensor:
    empty = torch.zeros(frames, 4, SIDE, SIDE)
    latent = comfy.sample.sample(
        model, comfy.sample.prepare_noise(empty, seed), STEPS, judge.CFG, judge.SAMPLER, judge.SCHEDULER,
        *encoded(clip, words), empty, seed=seed, disable_pbar=True,
    )  # fmt: skip
    return vae.decode(latent).clamp(0, 1).cpu()  # type: ignore[no-any-return]


def _jump(video: torch.Tensor) -> float:
    steps = neighbour_difference(video)
    return (steps.max() / steps.median()).item()


def _bytes(video: torch.Tensor) -> judge.Pictures:
    pictures: judge.Pictures = (video * 255).round().byte().numpy()
    return pictures
