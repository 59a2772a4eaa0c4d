"""Long videos of the miniature in windows of all kinds: flicker, jumps, seams, drift, and whether the fish swims in one go.

A video is four times as long as the windows, which have --frames frames. Prompts and seeds are fixed beforehand.
"""

from collections.abc import Callable, Iterator
from functools import partial
from statistics import mean, median
from typing import Any

import comfy.sample
import torch

from kinema.evaluation.pixels import neighbour_difference
from kinema.miniature import models
from kinema.sampling.run.attach import added, changed
from kinema.sampling.windows.context_windows import ContextWindows, automatic_windows
from kinema.sampling.windows.cut import WindowSpec, cut
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
        if name in _context_windows(length):
            edges = _edges(_context_windows(length)[name].spec, LONG * length)
            seams = [_change_at(edges, video) for video in videos]
            yield Result(f"{name}: mean change at their edges ÷ median change, median", median(seams), "", target=1.1)


def _context_windows(length: int) -> dict[str, ContextWindows]:
    """Context windows of each kind of `length` frames, by name."""
    return {
        "context windows": automatic_windows(length),
        "shifting windows": ContextWindows(WindowSpec(length, 0, "shifting")),
    }


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
        **{name: added(model, windows=windows) for name, windows in _context_windows(length).items()},
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


def _edges(spec: WindowSpec, frames: int) -> list[int]:
    """The frames after which a window begins or ends at some step of the run."""
    windows = [window for step in range(STEPS) for window in cut(spec, frames, step)]
    return sorted(({window[0] - 1 for window in windows} | {window[-1] for window in windows}) - {-1, frames - 1})


def _change_at(edges: list[int], video: torch.Tensor) -> float:
    """The mean change from the frames of `edges` to the next ones ÷ the median of all changes."""
    steps = neighbour_difference(video)
    return (steps[edges].mean() / steps.median()).item()


def _bytes(video: torch.Tensor) -> judge.Pictures:
    pictures: judge.Pictures = (video * 255).round().byte().numpy()
    return pictures
