"""Imports the host (ComfyUI) into this process, for this machine's device."""

from __future__ import annotations

import sys
from pathlib import Path

from .. import environment


def cache_folder() -> Path:
    """The home of checkpoints, latents and logs."""
    folder = environment.cache() / "miniature"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def import_host(threads: int) -> None:
    """Make `comfy` importable, on the CPU where there is no CUDA device, with `threads` threads for torch."""
    import torch

    torch.set_num_threads(threads)
    host = str(environment.find().hosts[0])
    if host not in sys.path:
        sys.path.insert(0, host)
    from comfy.cli_args import args  # the host parses no arguments unless asked to

    args.cpu = not torch.cuda.is_available()
    args.use_pytorch_cross_attention = True  # the host's default on the CPU is several times slower to train through


def device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
