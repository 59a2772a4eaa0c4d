"""Proves what the miniature can do: samples, lets the detector judge, and writes docs/miniature.md with pictures."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import comfy.sd
import comfy.utils

from kinema.miniature import load
from kinema.motion.load import load_motion_model
from kinema.motion.lora import load_motion_lora
from kinema.sampling.applied import Applied
from kinema.sampling.attach import attach
from kinema.sampling.text2video_zero import MotionField, move_first_frame

from . import judge, report_text
from .judge import ClipScore, Pictures
from .loop import OutOfTime
from .world import Style

FIRST_SEED = 9_000
SHOWN = 4  # clips of each series that the report shows


@dataclass(frozen=True)
class Series:
    """Clips of one model: `files` of the miniature that it is made of, what looks `style` has, how many are judged."""

    title: str
    files: tuple[str, ...]
    model: Callable[[], Any]
    count: int = 8
    style: Style = "day"


def series() -> dict[str, Series]:
    """Everything that is judged, by name."""
    plain, moving = (load.BASE,), (load.BASE, load.MOTION)
    return {
        "still": Series("without motion", plain, base),
        "motion": Series("with the motion model", moving, lambda: animated(base()), 64),
        "finetune": Series("style finetune", (*moving, load.NEON), lambda: animated(finetune()), style="neon"),
        "zoom": Series("zoom LoRA", (*moving, load.ZOOM), lambda: animated(base(), load.ZOOM)),
        "zero": Series("Text2Video-Zero", plain, lambda: move_first_frame(base(), MotionField())),
        "lora": Series("style LoRA", (*moving, load.NEON_LORA), lambda: animated(styled()), style="neon"),
    }


def base() -> Any:
    return load.load_unet(str(load.FOLDER / load.BASE))


def finetune() -> Any:
    return load.load_unet(str(load.FOLDER / load.NEON))


def styled() -> Any:
    lora = comfy.utils.load_torch_file(str(load.FOLDER / load.NEON_LORA))
    return comfy.sd.load_lora_for_models(base(), None, lora, 1.0, 0.0)[0]


def animated(model: Any, lora: str | None = None) -> Any:
    motion = load_motion_model(load.FOLDER / load.MOTION)
    if lora is not None:
        motion = load_motion_lora(motion, load.FOLDER / lora, 1.0)
    return attach(model, motion, Applied())


def make(folder: Path, stop_at: float) -> None:
    """Judges what was not judged yet with these files and writes the report. Raises OutOfTime at `stop_at`."""
    _, clip, vae = load.load_miniature()
    scores = {name: _score(name, each, clip, vae, folder, stop_at) for name, each in series().items()}
    wanted = judge.prompts(64)
    pictures = judge.judge(judge.stills(base(), clip, vae, wanted), wanted)
    report_text.write(pictures, {each.title: scores[name] for name, each in series().items()}, folder)


def _score(name: str, each: Series, clip: Any, vae: Any, folder: Path, stop_at: float) -> ClipScore:
    path = folder / f"report_{name}.json"
    made_of = fingerprint(each)
    if path.exists() and (stored := json.loads(path.read_text()))["made of"] == made_of:
        return ClipScore(**stored["score"])
    clips, wanted, model = list[Pictures](), judge.prompts(each.count), each.model()
    for i, words in enumerate(wanted):
        clips.append(judge.animation(model, clip, vae, words, FIRST_SEED + i))
        if time.time() > stop_at:
            raise OutOfTime(f"report: the time is up at {i + 1} of {each.count} clips of {each.title}")
    score = judge.judge_clips(clips, wanted, each.style)
    judge.strip(clips[:SHOWN]).save(folder / f"report_{name}.png")
    path.write_text(json.dumps({"made of": made_of, "score": asdict(score)}))
    print(judge.table({each.title: score}), flush=True)
    return score


def fingerprint(each: Series) -> str:
    """Changes with the files, the sampler's settings and the number of clips."""
    settings = repr((each.count, judge.CLIP_STEPS, judge.FRAMES, judge.CFG, judge.SAMPLER, judge.SCHEDULER))
    contents = (sha256((load.FOLDER / file).read_bytes()).hexdigest() for file in each.files)
    return sha256(" ".join([settings, *contents]).encode()).hexdigest()
