"""GroupNorm whose statistics run over the frames of a video as well as over space."""

from typing import Any

import comfy.ops
import torch


def joint_norm(norm: Any, x: torch.Tensor, videos: int) -> torch.Tensor:
    """What the host's GroupNorm layer `norm` gives for `x` (v*f, c, h, w) with joint statistics."""
    weight, bias = comfy.ops.cast_bias_weight(norm, x)[:2]  # one host version returns three values
    return joint_group_norm(x, videos, norm.num_groups, weight, bias, norm.eps)


def joint_group_norm(
    x: torch.Tensor,
    videos: int,
    groups: int,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    eps: float,
) -> torch.Tensor:
    """GroupNorm of `x` (v*f, c, h, w) with one mean and variance per video and group.

    Equals `group_norm` on (v, c, f, h, w), which is how v1, PIA and HotshotXL were trained, but needs no copy of the
    layout: the statistics are taken on a view and the result is one scale and shift per (video, channel).
    """
    frames, channels = x.shape[0] // videos, x.shape[1]
    grouped = x.reshape(videos, frames, groups, -1)  # (v, f, g, c/g*h*w)
    variance, mean = torch.var_mean(grouped.float(), dim=(1, 3), correction=0)  # (v, g)
    per_group = channels // groups
    scale = torch.rsqrt(variance + eps).repeat_interleave(per_group, dim=1)  # (v, c)
    shift = -mean.repeat_interleave(per_group, dim=1) * scale
    if weight is not None:
        scale = scale * weight.float()
        shift = shift * weight.float()
    if bias is not None:
        shift = shift + bias.float()
    scale, shift = (s.to(x.dtype)[:, None, :, None, None] for s in (scale, shift))
    video = x.reshape(videos, frames, *x.shape[1:])  # (v, f, c, h, w)
    return torch.addcmul(shift, video, scale).reshape(x.shape)
