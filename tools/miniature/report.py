"""Proves what the miniature can do: samples, lets the detector judge, and writes its page with pictures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from kinema.miniature import models

from . import judge, report_text
from .judge import ClipScore, Pictures
from .loop import OutOfTime
from .measured import fingerprint, measured
from .series import Series, base, schedules, series

FIRST_SEED = 9_000
SHOWN = 4  # clips of each series that the report shows


def make(folder: Path, stop_at: float) -> None:
    """Judges what was not judged yet with these files and writes the report. Raises OutOfTime at `stop_at`."""
    _, clip, vae = models.load_miniature()
    every = series() | schedules(folder)
    scores = {each.title: _score(name, each, clip, vae, folder, stop_at) for name, each in every.items()}
    wanted = judge.prompts(64)
    pictures = judge.judge(judge.stills(base(), clip, vae, wanted), wanted)
    report_text.write(pictures, scores, folder)


def _score(name: str, each: Series, clip: Any, vae: Any, folder: Path, stop_at: float) -> ClipScore:
    path = folder / f"report_{name}.json"

    def measure() -> ClipScore:
        wanted = judge.prompts(each.count)
        model = each.model()
        clips = list[Pictures]()
        for i, words in enumerate(wanted):
            clips.append(judge.animation(model, clip, vae, words, FIRST_SEED + i))
            if time.time() > stop_at:
                raise OutOfTime(
                    f"report: the time limit was reached after {i + 1} of {each.count} clips of {each.title}"
                )
        score = judge.judge_clips(clips, wanted, each.style)
        judge.strip(clips[:SHOWN]).save(path.with_suffix(".png"))
        print(judge.table({each.title: score}), flush=True)
        return score

    return ClipScore(**measured(path, fingerprint(each.count, each.files), measure))
