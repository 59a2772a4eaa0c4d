"""Enhance-A-Video: attentions over frames count for more where frames look at each other much.

Luo et al., "Enhance-A-Video: Better Generated Video for Free" (2025), equations 3 to 5.
"""

import torch

from .control import PerLatent

POSITIONS_AT_ONCE = 4096


def intensity(q: torch.Tensor, k: torch.Tensor, videos: int, temperature: PerLatent) -> torch.Tensor:
    """What to multiply an attention's output (b, f, c) by: max(1, m·(f + `temperature`)), as (b, f or 1, 1).

    m is the mean weight that a frame gives to another one, softmax(q·transpose(k) / sqrt(e)) off the diagonal, over all
    heads and positions of each of the `videos`; `q` and `k` are (b, n, f, e). Frames that see all alike have m = 1/f. 1 where
    the temperature is a tensor that is 0 or less there.
    """
    frames = q.shape[2]
    own = [own_weight(*part) for part in zip(*(torch.split(t, POSITIONS_AT_ONCE) for t in (q, k)), strict=True)]
    mean = torch.cat(own).reshape(videos, -1).mean(1)  # (v,)
    others = ((1 - mean) / max(frames - 1, 1)).repeat_interleave(q.shape[0] // videos)[:, None, None]  # (b, 1, 1)
    factor = (others * (frames + temperature)).clamp(min=1)
    if isinstance(temperature, torch.Tensor):
        factor = torch.where(temperature > 0, factor, 1.0)
    return factor.to(q.dtype)


def own_weight(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """The weight that each frame gives to itself, over heads and frames the mean, (b,) in float32."""
    logits = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
    own: torch.Tensor = logits.diagonal(dim1=-2, dim2=-1)
    weight: torch.Tensor = (own - logits.logsumexp(-1)).exp()
    return weight.mean((1, 2))
