"""Which frames the attentions over frames look at most, and how far those of another video are from it.

Ling et al., "MotionClone: Training-Free Motion Cloning for Controllable Video Generation" (2024): the motion of a video is in
the strongest weight of each row of its temporal attention maps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

Attention = tuple[int, str, int]
"""Which of the motion models at work, the place of the motion module, and the number of its attention."""


@dataclass(frozen=True)
class Strongest:
    """The strongest weight of each row of an attention map of one video."""

    values: torch.Tensor  # (b, n, f, 1), 0 to 1
    places: torch.Tensor  # (b, n, f, 1), which of the f frames it belongs to


def weights_of(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """softmax(q·transpose(k) / sqrt(e)) of queries and keys (b, n, f, e), (b, n, f, f), in float32 or what is finer."""
    precise = torch.promote_types(q.dtype, torch.float32)
    weights: torch.Tensor = (q.to(precise) @ k.to(precise).transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(-1)
    return weights


def strongest(weights: torch.Tensor) -> Strongest:
    """The goal that an attention map (b, n, f, f) is."""
    values, places = weights.max(-1, keepdim=True)
    return Strongest(values, places)


def distance(weights: Mapping[Attention, torch.Tensor], goals: Mapping[Attention, Strongest]) -> torch.Tensor:
    """The sum over attentions of the mean of (A[places] - values)² (equations 5 and 6), for one video or more.

    `weights` are (v*b, n, f, f); with v videos, the result is the sum over them.
    """
    terms: list[torch.Tensor] = []
    for attention, goal in goals.items():
        shaped = weights[attention].unflatten(0, (-1, len(goal.values)))  # (v, b, n, f, f)
        places = goal.places.expand(len(shaped), *goal.places.shape)
        terms.append((shaped.gather(-1, places) - goal.values).square().mean((1, 2, 3, 4)).sum())
    return torch.stack(terms).sum()
