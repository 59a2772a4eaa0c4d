"""Initial weights for host modules: the host's layers skip torch's initialisation because files overwrite them."""

from __future__ import annotations

from typing import Any

import torch

KINDS: tuple[Any, ...] = (
    torch.nn.Conv2d,
    torch.nn.Linear,
    torch.nn.GroupNorm,
    torch.nn.LayerNorm,
    torch.nn.Embedding,
)


def initialise(module: torch.nn.Module, seed: int) -> None:
    """Give every layer torch's own initial weights, from `seed`."""
    torch.manual_seed(seed)
    for layer in module.modules():
        for kind in KINDS:
            if isinstance(layer, kind):
                kind.reset_parameters(layer)  # the host's subclasses override it with nothing
