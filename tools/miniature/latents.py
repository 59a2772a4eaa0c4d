"""Pictures of the world as latents, encoded once and kept in the cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from . import world
from .host import autocast, device
from .loop import write
from .world import Style

CHUNK = 16


@dataclass(frozen=True)
class Stills:
    """Pictures of the world as latents, with what they show."""

    latents: torch.Tensor  # (n, 4, 16, 16), as the UNet sees them
    captions: tuple[str, ...]  # n of them
    fish: torch.Tensor  # (n, 16, 16): 1 in the latent cells that the fish touches, 0 elsewhere


def stills(
    encoder: Callable[[], torch.nn.Module], folder: Path, first_seed: int, count: int, style: Style = "day"
) -> Stills:
    """Draw and encode `count` stills; a file in `folder` is read instead (no encoder needed) when it is there."""
    path = folder / f"latents_{style}_{first_seed}_{count}.pt"
    if not path.exists():
        drawn = [world.still(first_seed + i, style) for i in range(count)]
        latents = encode(encoder(), np.stack([picture for picture, _ in drawn]))
        write(path, {"latents": latents.half(), "captions": tuple(scene.caption for _, scene in drawn)})
    stored = torch.load(path)
    fish = torch.stack([fish_cells(world.moment(first_seed + i, style)) for i in range(count)])
    return Stills(stored["latents"].float(), stored["captions"], fish)


def fish_cells(shown: world.Scene) -> torch.Tensor:
    """(16, 16): 1 in the latent cells that the fish of a one-frame scene touches."""
    centre = torch.arange(16) * 8 + 4.0
    x, y = shown.seen()[0].tolist()
    reach = shown.scale * float(shown.zoom[0])
    across = (centre - x).abs() < world.HALF_LENGTH * reach + 2
    down = (centre - y).abs() < world.HALF_HEIGHT * reach + 2
    touched: torch.Tensor = down[:, None] & across
    return touched.float()


@torch.no_grad()
def encode(encoder: torch.nn.Module, pictures: np.ndarray) -> torch.Tensor:
    """uint8 (n, h, w, 3) to latents (n, 4, h/8, w/8), float32, on the CPU."""
    parts = []
    for chunk in torch.from_numpy(pictures).split(CHUNK):
        chunk = chunk.permute(0, 3, 1, 2).to(device()).float() / 255
        with autocast():
            parts.append(encoder(chunk.contiguous(memory_format=torch.channels_last)).float().cpu())
    return torch.cat(parts)
