"""Ways to sample faster: how far the miniature's clips are from those of 20 full steps, and how they flicker, by cost.

Cost counts passes of the UNet over the video, one for each prompt and step, ÷ those of 20 full steps. Everything that is
compared computes the same UNet, so this is also the ratio of FLOPs at any size. Prompts and seeds are fixed beforehand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log10
from statistics import mean
from typing import Any

import comfy.sample
import torch
from comfy.patcher_extension import WrappersMP

from kinema.evaluation.pixels import flicker_and_motion
from kinema.miniature import models
from kinema.sampling.guidance.guidance_reuse import GuidanceReuse
from kinema.sampling.run.attach import changed
from tools.bench.measure import Options, Result
from tools.miniature import detector, judge, world
from tools.miniature.series import animated, base

FULL_STEPS = 20
FIRST_SEED = 9_100


@dataclass(frozen=True)
class Way:
    """One way to sample."""

    steps: int  # of the sampler
    interval: int = 1  # in predictions: how often the negative prompt is computed
    start: float = 0.0  # fraction of the run (0..1) before which it is computed at every one

    @property
    def name(self) -> str:
        reuse = f", reuse interval {self.interval} from {self.start:g}" if self.interval > 1 else ""
        return f"{self.steps} steps{reuse}"


FULL = Way(FULL_STEPS)
ALL = 10  # an interval that no run here reaches: after the start, the negative prompt is not computed any more
WAYS = (
    Way(10), Way(10, ALL, 0.7), Way(8), Way(10, ALL, 0.5), Way(10, 2), Way(7), Way(8, ALL, 0.5), Way(8, 2), Way(6),
    Way(7, ALL, 0.5), Way(5),
)  # fmt: skip
"""By cost; the ways that reuse are followed by steps alone of about the same cost."""


@dataclass(frozen=True)
class Seen:
    """What became of one clip."""

    latent: torch.Tensor  # (f, 4, h, w)
    frames: torch.Tensor  # (f, h, w, 3), 0 to 1
    flicker: float  # percent of the value range
    jitter: float  # pixels by which the fish leaves its way
    passes: float  # of the UNet over the video


def run(options: Options) -> Iterator[Result]:
    """`options.rounds` clips of each way."""
    _, clip, vae = models.load_miniature()
    model = animated(base())
    found: dict[Way, list[tuple[Seen, Seen]]] = {way: [] for way in (FULL, *WAYS)}
    for number, words in enumerate(judge.prompts(options.rounds)):
        full = _clip(model, clip, vae, words, FIRST_SEED + number, FULL)
        for way, pairs in found.items():
            pairs.append((full, full if way == FULL else _clip(model, clip, vae, words, FIRST_SEED + number, way)))
    for way, pairs in found.items():
        yield Result(f"{way.name}: cost", mean(b.passes / a.passes for a, b in pairs))
        yield Result(f"{way.name}: error of the latents", mean(_error(*pair) for pair in pairs), "")
        if way != FULL:
            yield Result(f"{way.name}: PSNR of the frames", mean(_psnr(*pair) for pair in pairs), "dB")
        yield Result(f"{way.name}: flicker ÷ {FULL.name}", mean(b.flicker / a.flicker for a, b in pairs))
        yield Result(f"{way.name}: jitter", mean(seen.jitter for _, seen in pairs), "px")


@torch.inference_mode()
def _clip(model: Any, clip: Any, vae: Any, words: judge.Words, seed: int, way: Way) -> Seen:
    fast = changed(model, reuse=GuidanceReuse(way.interval, way.start))
    rows: list[int] = []

    def count(executor: Any, x: torch.Tensor, *args: Any, **named: Any) -> Any:
        rows.append(x.shape[0])
        return executor(x, *args, **named)

    fast.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "bench", count)
    empty = torch.zeros(judge.FRAMES, 4, 16, 16)
    noise = comfy.sample.prepare_noise(empty, seed)
    positive = clip.encode_from_tokens_scheduled(clip.tokenize(world.caption_of(*words)))
    negative = clip.encode_from_tokens_scheduled(clip.tokenize(""))
    latent = comfy.sample.sample(
        fast, noise, way.steps, judge.CFG, judge.SAMPLER, judge.SCHEDULER, positive, negative, empty, seed=seed,
        disable_pbar=True,
    )  # fmt: skip
    frames = vae.decode(latent).clamp(0, 1).cpu()
    swim = detector.watch((frames * 255).round().byte().numpy(), "day")
    flicker, _ = flicker_and_motion(frames, torch.device("cpu"), lambda: None)
    return Seen(latent, frames, flicker.mean().item(), swim.jitter, sum(rows) / judge.FRAMES)


def _error(full: Seen, fast: Seen) -> float:
    """Relative L2 of the final latents."""
    return float((fast.latent - full.latent).norm() / full.latent.norm())


def _psnr(full: Seen, fast: Seen) -> float:
    return -10 * log10((fast.frames - full.frames).square().mean().item())
