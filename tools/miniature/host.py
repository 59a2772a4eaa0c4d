"""Finds the host (ComfyUI) for command-line work and imports it for this machine's device."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """The home of checkpoints, latents and logs: `$KINEMA_CACHE/miniature` or `~/.cache/kinema/miniature`."""
    folder = Path(os.environ.get("KINEMA_CACHE", Path.home() / ".cache" / "kinema")) / "miniature"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def host_folder() -> Path:
    """`$COMFYUI_PATH`, else the newest host in Kinema's cache.

    Raises:
        FileNotFoundError: when there is none.
    """
    if path := os.environ.get("COMFYUI_PATH"):
        return Path(path)
    found = sorted(cache_folder().parent.glob("comfyui-*"), key=_version)
    if not found:
        raise FileNotFoundError(
            "No ComfyUI was found. Set COMFYUI_PATH to its folder, or run `python3 dev.py host` first."
        )
    return found[-1]


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.name.removeprefix("comfyui-").split(".") if part.isdigit())


def import_host(threads: int | None = None) -> None:
    """Make `comfy` importable, on the CPU where there is no CUDA device, with `threads` threads for torch."""
    import torch

    if threads:
        torch.set_num_threads(threads)
    folder = str(host_folder())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    import comfy.options  # noqa: F401  (the host parses no arguments unless asked to)
    from comfy.cli_args import args

    args.cpu = not torch.cuda.is_available()
    args.use_pytorch_cross_attention = True  # the host's default on the CPU is several times slower to train through


def device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
