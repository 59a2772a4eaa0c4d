"""Ways to sample faster: how far clips are from those of 20 full steps, and how they flicker, by cost.

Cost counts passes of the UNet over the video, one for each prompt and step, ÷ those of 20 full steps. Everything that is
compared computes the same UNet, so this is also the ratio of FLOPs at any size. Prompts and seeds are fixed beforehand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, log10
from statistics import mean, median
from typing import Any

import comfy.sample
import torch
from comfy.patcher_extension import WrappersMP

from kinema.evaluation.pixels import flicker_and_motion
from kinema.sampling.guidance.guidance_reuse import GuidanceReuse
from kinema.sampling.run.attach import changed
from tools.bench.measure import Options, Result
from tools.bench.subject import Subject, subject_of
from tools.miniature import judge

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
    Way(50), Way(14), Way(10), Way(10, ALL, 0.7), Way(8), Way(10, ALL, 0.5), Way(10, 2), Way(7), Way(8, ALL, 0.5),
    Way(8, 2), Way(6), Way(7, ALL, 0.5), Way(5),
)  # fmt: skip
"""By cost; the ways that reuse are followed by steps alone of about the same cost."""


@dataclass(frozen=True)
class Seen:
    """What became of one clip."""

    latent: torch.Tensor  # (f, 4, h, w)
    frames: torch.Tensor  # (f, h, w, 3), 0 to 1
    flicker: float  # percent of the value range
    passes: float  # of the UNet over the video


@dataclass(frozen=True)
class Judged:
    """A clip beside that of 20 full steps."""

    cost: float  # passes of the UNet ÷ those of the full steps
    error: float  # relative L2 of the final latents
    psnr: float  # of the frames, dB; infinite for the full steps themselves
    flicker: float  # ÷ that of the full steps
    jitter: float | None  # pixels by which the fish leaves its way; None: there is no fish


def run(options: Options) -> Iterator[Result]:
    """`options.rounds` clips of each way."""
    subject = subject_of(options)
    found: dict[Way, list[Judged]] = {way: [] for way in (FULL, *WAYS)}
    for number in range(len(subject.prompts)):
        full = _clip(subject, number, FULL)
        for way, judged in found.items():
            seen = full if way == FULL else _clip(subject, number, way)
            judged.append(_judged(subject, full, seen))
    for way, judged in found.items():
        yield Result(f"{way.name}: cost", mean(one.cost for one in judged))
        for name, of in (("mean", mean), ("median", median)):
            yield Result(f"{way.name}: {name} error of the latents", of(one.error for one in judged), "")
        if way != FULL:
            yield Result(f"{way.name}: PSNR of the frames", mean(one.psnr for one in judged), "dB")
        yield Result(f"{way.name}: flicker ÷ {FULL.name}", mean(one.flicker for one in judged))
        jitters = [one.jitter for one in judged if one.jitter is not None]
        if jitters:
            yield Result(f"{way.name}: jitter", mean(jitters), "px")


@torch.inference_mode()
def _clip(subject: Subject, number: int, way: Way) -> Seen:
    fast = changed(subject.model, reuse=GuidanceReuse(way.interval, way.start))
    rows: list[int] = []

    def count(executor: Any, x: torch.Tensor, *args: Any, **named: Any) -> Any:
        rows.append(x.shape[0])
        return executor(x, *args, **named)

    fast.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "bench", count)
    seed = FIRST_SEED + number
    empty = torch.zeros(subject.frames, 4, subject.size // 8, subject.size // 8)
    noise = comfy.sample.prepare_noise(empty, seed)
    positive = _encoded(subject, subject.prompts[number])
    negative = _encoded(subject, subject.negative)
    latent = comfy.sample.sample(
        fast, noise, way.steps, subject.cfg, judge.SAMPLER, judge.SCHEDULER, positive, negative, empty, seed=seed,
        disable_pbar=True,
    )  # fmt: skip
    frames = subject.vae.decode(latent).clamp(0, 1).cpu()
    flicker, _ = flicker_and_motion(frames, torch.device("cpu"), lambda: None)
    return Seen(latent.cpu(), frames, flicker.mean().item(), sum(rows) / subject.frames)


def _encoded(subject: Subject, text: str) -> Any:
    """CONDITIONING."""
    return subject.clip.encode_from_tokens_scheduled(subject.clip.tokenize(text))


def _judged(subject: Subject, full: Seen, seen: Seen) -> Judged:
    error = float((seen.latent - full.latent).norm() / full.latent.norm())
    square = (seen.frames - full.frames).square().mean().item()
    return Judged(
        cost=seen.passes / full.passes,
        error=error,
        psnr=-10 * log10(square) if square else inf,
        flicker=seen.flicker / full.flicker,
        jitter=subject.jitter(seen.frames),
    )
