"""Videos without end, made with the miniature: memory as they get longer, and smoothness and drift beside context windows.

The queue has one window of --frames frames, with lookahead. Prompts and seeds are fixed beforehand.
"""

from collections.abc import Iterator
from functools import partial
from statistics import mean
from typing import Any

import comfy.sample
import torch

from kinema.evaluation.pixels import flicker_and_motion
from kinema.miniature import models
from kinema.sampling.endless.endless_animation import EndlessRun, animate_without_end
from kinema.sampling.endless.endless_sampler import EndlessSettings
from kinema.sampling.run.attach import added
from kinema.sampling.windows.context_windows import automatic_windows
from tools.bench.measure import Options, Result, peak_bytes
from tools.miniature import judge, world
from tools.miniature.series import animated, base

SHORT, LONG = 4, 32  # of options.frames
FIRST_SEED = 9_300
SIDE = 16  # of the latents


def run(options: Options) -> Iterator[Result]:
    _, clip, vae = models.load_miniature()
    model = animated(base())
    length = options.frames
    short = SHORT * length
    long = LONG * length
    words = judge.prompts(max(1, options.rounds))

    def drop(_: torch.Tensor) -> None:
        """Frames are not kept, as when they are written to a file."""

    sample = partial(_endless, model, clip, vae, words[0], FIRST_SEED, length, write=drop)
    sample(length)  # what is loaded once
    memory = {frames: peak_bytes(lambda frames=frames: sample(frames)) / 2**20 for frames in (short, long)}  # type: ignore[misc]
    for frames, value in memory.items():
        yield Result(f"peak memory, {frames} frames without end", value, "MiB")
    yield Result(f"that, {long} frames ÷ {short}", memory[long] / memory[short], target=1.05)

    videos = [
        (
            _in_windows(model, clip, vae, each, seed, length, short),
            _without_end(model, clip, vae, each, seed, length, short),
        )
        for seed, each in enumerate(words[: options.rounds], start=FIRST_SEED)
    ]
    for name, number in (("context windows", 0), ("without end", 1)) if videos else ():
        seen = [pair[number] for pair in videos]
        what = f"{short} frames, {name}"
        yield Result(f"{what}: flicker", mean(map(flicker_of, seen)), "%")
        yield Result(
            f"{what}: drift of the colours, last window - first", mean(drift_of(one, length) for one in seen), "%"
        )
        yield Result(f"{what}: contrast, last window ÷ first", mean(_contrast(one, length) for one in seen))


def encoded(clip: Any, words: judge.Words) -> tuple[Any, Any]:
    caption = world.caption_of(*words)
    return tuple(clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in (caption, ""))


@torch.inference_mode()
def _endless(
    model: Any, clip: Any, vae: Any, words: judge.Words, seed: int, length: int, frames: int, write: Any
) -> None:  # fmt: skip
    latent = {"samples": torch.zeros(1, 4, SIDE, SIDE)}
    asked = EndlessRun(model, *encoded(clip, words), vae, latent, seed, judge.CFG, length, "simple")
    animate_without_end(asked, EndlessSettings(frames, length), write)


def _without_end(
    model: Any, clip: Any, vae: Any, words: judge.Words, seed: int, length: int, frames: int
) -> torch.Tensor:  # fmt: skip
    written: list[torch.Tensor] = []
    _endless(model, clip, vae, words, seed, length, frames, lambda images: written.append(images.cpu()))
    return torch.cat(written)


@torch.inference_mode()
def _in_windows(
    model: Any, clip: Any, vae: Any, words: judge.Words, seed: int, length: int, frames: int
) -> torch.Tensor:  # fmt: skip
    empty = torch.zeros(frames, 4, SIDE, SIDE)
    latent = comfy.sample.sample(
        added(model, windows=automatic_windows(length)), comfy.sample.prepare_noise(empty, seed), length, judge.CFG,
        judge.SAMPLER, judge.SCHEDULER, *encoded(clip, words), empty, seed=seed, disable_pbar=True,
    )  # fmt: skip
    return vae.decode(latent).clamp(0, 1).cpu()  # type: ignore[no-any-return]


def flicker_of(frames: torch.Tensor) -> float:
    flicker, _ = flicker_and_motion(frames, torch.device("cpu"), lambda: None)
    return flicker.mean().item()


def drift_of(frames: torch.Tensor, length: int) -> float:
    """How far the mean colour of the last window is from that of the first, in percent of the value range."""
    return 100 * (frames[-length:].mean((0, 1, 2)) - frames[:length].mean((0, 1, 2))).abs().mean().item()


def _contrast(frames: torch.Tensor, length: int) -> float:
    """The standard deviation of the last window's frames ÷ that of the first's."""
    return (frames[-length:].std((1, 2)).mean() / frames[:length].std((1, 2)).mean()).item()
