"""diffusers' UNetMotionModel with the same weights, its norms mended to what the authors trained with.

diffusers takes the motion modules' GroupNorm jointly over frames, the SD1.5 authors per frame; v1's residual blocks
were trained with joint statistics, diffusers takes them per frame.
"""

from collections.abc import Mapping
from typing import Any

import comfy.utils
import diffusers
import tiny
import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import nn


class PerFrame(nn.Module):
    """A GroupNorm given (v, c, f, h, w) that takes its statistics per frame."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        videos, channels, frames = x.shape[:3]
        flat = x.transpose(1, 2).reshape(videos * frames, channels, *x.shape[3:])
        return self.norm(flat).reshape(videos, frames, channels, *x.shape[3:]).transpose(1, 2)


class Joint(nn.Module):
    """A GroupNorm given (v*f, c, h, w) that takes its statistics over the frames of each video."""

    def __init__(self, norm: nn.Module, frames: int) -> None:
        super().__init__()
        self.norm, self.frames = norm, frames

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        video = x.reshape(-1, self.frames, *x.shape[1:]).transpose(1, 2)
        return self.norm(video).transpose(1, 2).reshape(x.shape)


def to_diffusers(key: str) -> str:
    """A motion key of AnimateDiff's layout in diffusers' names."""
    for ours, theirs in (
        (".temporal_transformer", ""), (".attention_blocks.0", ".attn1"), (".attention_blocks.1", ".attn2"),
        (".norms.0", ".norm1"), (".norms.1", ".norm2"), (".ff_norm", ".norm3"),
    ):  # fmt: skip
        key = key.replace(ours, theirs)
    return key


def build(model: Any, motion: Mapping[str, torch.Tensor], *, frames: int, joint_resnets: bool) -> nn.Module:
    """The oracle for `model` (MODEL of tiny.image_model) with the `motion` weights (AnimateDiff's keys)."""
    mid = any(key.startswith("mid_block") for key in motion)
    unet = diffusers.UNetMotionModel(
        block_out_channels=tiny.SD15_WIDTHS, layers_per_block=2, cross_attention_dim=tiny.CONTEXT,
        num_attention_heads=8, motion_num_attention_heads=8, use_motion_mid_block=mid, norm_num_groups=32,
    ).eval()  # fmt: skip
    names = comfy.utils.unet_to_diffusers(model.model.model_config.unet_config)
    state = model.model.diffusion_model.state_dict()
    weights = {theirs: state[ours] for theirs, ours in names.items() if ours in state}
    weights |= {to_diffusers(key): value for key, value in motion.items() if not key.endswith(".pe")}
    missing, unexpected = unet.load_state_dict(weights, strict=False)
    assert not unexpected and all(key.endswith(".pe") for key in missing), (missing, unexpected)
    for module in list(unet.modules()):
        if isinstance(module, AnimateDiffTransformer3D):
            module.norm = PerFrame(module.norm)
        elif isinstance(module, ResnetBlock2D) and joint_resnets:
            module.norm1, module.norm2 = Joint(module.norm1, frames), Joint(module.norm2, frames)
    if joint_resnets:
        unet.conv_norm_out = Joint(unet.conv_norm_out, frames)
    return unet


def predict(unet: nn.Module, x: torch.Tensor, timestep: int, context: torch.Tensor) -> torch.Tensor:
    """The noise prediction for one video `x` (f, 4, h, w) with `context` (1, tokens, width)."""
    frames = x.shape[0]
    with torch.no_grad():
        out = unet(x.transpose(0, 1)[None], timestep, context.expand(frames, -1, -1)).sample
    return out[0].transpose(0, 1)
