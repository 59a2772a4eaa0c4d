"""Figures that are measured once for the same files and settings: measuring takes minutes, and may be stopped between two."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from kinema.miniature import models

from . import judge


def measured(path: Path, made_of: str, measure: Callable[[], Any]) -> dict[str, Any]:
    """The fields of what `measure` returns, a dataclass; they are kept in `path` for the next call with this `made_of`."""
    if path.exists() and (stored := json.loads(path.read_text()))["made of"] == made_of:
        kept: dict[str, Any] = stored["values"]
        return kept
    values = asdict(measure())
    path.write_text(json.dumps({"made of": made_of, "values": values}))
    return values


def fingerprint(row: object, files: Sequence[str]) -> str:
    """Changes with what `row` says, with the sampler's settings and with the `files` of the miniature."""
    settings = repr((row, judge.CLIP_STEPS, judge.FRAMES, judge.CFG, judge.SAMPLER, judge.SCHEDULER))
    contents = (sha256((models.FOLDER / file).read_bytes()).hexdigest() for file in files)
    return sha256(" ".join([settings, *contents]).encode()).hexdigest()
