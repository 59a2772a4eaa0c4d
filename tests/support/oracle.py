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
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import nn

from kinema.motion.spec import NormPolicy


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


def build(model: Any, motion: Mapping[str, torch.Tensor], policy: NormPolicy, *, frames: int) -> nn.Module:
    """The oracle for `model` (MODEL of tiny.image_model) with `motion` weights (AnimateDiff's keys) and norm `policy`,
    in float64."""
    unet = _empty(model, any(key.startswith("mid_block") for key in motion))
    names = comfy.utils.unet_to_diffusers(model.model.model_config.unet_config)
    state = model.model.diffusion_model.state_dict()
    weights = {theirs: state[ours] for theirs, ours in names.items() if ours in state}
    weights |= {to_diffusers(key): value for key, value in motion.items() if not key.endswith(".pe")}
    missing, unexpected = unet.load_state_dict(weights, strict=False)
    assert not unexpected and all(key.endswith(".pe") for key in missing), (missing, unexpected)
    for module in list(unet.modules()):
        if isinstance(module, AnimateDiffTransformer3D) and policy.module == "frame":
            module.norm = PerFrame(module.norm)
        elif isinstance(module, ResnetBlock2D) and policy.resnet == "joint":
            module.norm1, module.norm2 = Joint(module.norm1, frames), Joint(module.norm2, frames)
        elif isinstance(module, Transformer2DModel) and policy.spatial == "joint":
            module.norm = Joint(module.norm, frames)
    if policy.resnet == "joint":
        unet.conv_norm_out = Joint(unet.conv_norm_out, frames)
    return unet.double()


def _empty(model: Any, mid: bool) -> nn.Module:
    shared = {
        "layers_per_block": 2, "cross_attention_dim": tiny.CONTEXT, "motion_num_attention_heads": 8,
        "use_motion_mid_block": mid, "norm_num_groups": 32, "motion_max_seq_length": 64,
    }  # fmt: skip
    if len(model.model.model_config.unet_config["channel_mult"]) == 4:
        return diffusers.UNetMotionModel(block_out_channels=tiny.SD15_WIDTHS, num_attention_heads=8, **shared).eval()
    return diffusers.UNetMotionModel(
        block_out_channels=tiny.SDXL_WIDTHS, num_attention_heads=1,  # the host's SDXL has heads of 64 channels
        down_block_types=("DownBlockMotion", "CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion"),
        up_block_types=("CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion", "UpBlockMotion"),
        transformer_layers_per_block=(1, 1, 2), reverse_transformer_layers_per_block=(2, 1, 1), **shared,
    ).eval()  # fmt: skip


def predict(unet: nn.Module, x: torch.Tensor, timestep: int, context: torch.Tensor) -> torch.Tensor:
    """The noise prediction for one video `x` (f, 4, h, w) with `context` (1, tokens, width)."""
    frames = x.shape[0]
    with torch.no_grad():
        out = unet(x.double().transpose(0, 1)[None], timestep, context.double().expand(frames, -1, -1)).sample
    return out[0].transpose(0, 1)
