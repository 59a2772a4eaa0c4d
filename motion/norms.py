"""GroupNorm whose statistics run over the frames of a video as well as over space."""

from typing import Any

import comfy.ops
import torch

from .own_weights import own_weights


def joint_norm(norm: Any, x: torch.Tensor, videos: int) -> torch.Tensor:
    """What the host's GroupNorm layer `norm` gives for `x` (v*f, c, h, w) with joint statistics."""
    if x.requires_grad and (norm.weight.is_inference() or norm.weight.device != x.device):
        weight, bias = own_weights(norm, x)
        return joint_group_norm(x, videos, norm.num_groups, weight, bias, norm.eps)
    weight, bias, offloaded = comfy.ops.cast_bias_weight(norm, x, offloadable=True)
    out = joint_group_norm(x, videos, norm.num_groups, weight, bias, norm.eps)
    comfy.ops.uncast_bias_weight(norm, weight, bias, offloaded)
    return out


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
    layout: frame by frame in float32, the statistics are taken, and then one scale and shift per (video, channel) applied.
    """
    channels = x.shape[1]
    frames = x.unflatten(0, (videos, -1)).unbind(1)  # f of (v, c, h, w)
    moments = [torch.var_mean(frame.reshape(videos, groups, -1).float(), dim=2, correction=0) for frame in frames]
    variances = torch.stack([variance for variance, _ in moments])  # (f, v, g)
    means = torch.stack([mean for _, mean in moments])  # (f, v, g)
    variance = variances.mean(0) + means.var(0, correction=0)
    scale = torch.rsqrt(variance + eps).repeat_interleave(channels // groups, dim=1)  # (v, c)
    mean = means.mean(0).repeat_interleave(channels // groups, dim=1)  # (v, c)
    shift = -mean * scale
    if weight is not None:
        scale = scale * weight.float()
        shift = shift * weight.float()
    if bias is not None:
        shift = shift + bias.float()
    scale, shift = scale[:, :, None, None], shift[:, :, None, None]
    out = torch.empty_like(x)
    for i, frame in enumerate(frames):
        out.unflatten(0, (videos, -1))[:, i] = torch.addcmul(shift, frame, scale)  # cast to the type of x here
    return out
