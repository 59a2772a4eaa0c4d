"""Enters the host (ComfyUI) in this process, for training on this machine's device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import environment, in_host


def cache_folder() -> Path:
    """The home of checkpoints, latents and logs."""
    folder = environment.cache() / "miniature"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def import_host(threads: int) -> None:
    """Make `comfy` and `kinema` importable, on the CPU where there is no CUDA device, with `threads` threads."""
    in_host.enter(threads, torch_attention=True)


def autocast() -> Any:
    """A context that computes in bfloat16 where that is several times as fast, and in float32 on other CPUs."""
    import torch

    fast = device() == "cuda" or torch.backends.cpu.get_cpu_capability() == "AVX512"
    return torch.autocast(device(), torch.bfloat16, enabled=fast)


def device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
