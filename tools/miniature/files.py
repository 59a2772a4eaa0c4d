"""Writes the files that ship: float16 safetensors whose metadata says how they were made."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from kinema.motion.atomic import replacing

REPOSITORY = Path(__file__).resolve().parents[2]


def ship(
    path: Path, weights: dict[str, torch.Tensor], settings: dict[str, Any], dtype: torch.dtype = torch.float16
) -> None:
    """Write `weights` as `dtype`; float8 is used for matrices only, what is left of them stays float16."""
    small = torch.float16 if dtype.itemsize == 1 else dtype
    kept = {k: v.detach().cpu().to(dtype if v.ndim > 1 else small).contiguous() for k, v in weights.items()}
    metadata = {"format": "pt", "kinema": "miniature", "commit": commit(), "settings": json.dumps(settings)}
    with replacing(path) as unfinished:
        safetensors.torch.save_file(kept, unfinished, metadata)
        unfinished.chmod(0o644)


def commit() -> str:
    """The commit the code was at, or "unknown" outside a repository."""
    try:
        return subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
