"""The motion module: a temporal transformer whose tokens are the frames at one position of the picture.

Paper, section 4.2; every number is in the family's published code: GroupNorm of 32 groups, one transformer block of
two self-attentions over frames, positions added after each LayerNorm (so that values carry them too), GEGLU.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .norms import joint_norm
from .positions import REFUSE, PositionRule, sinusoid
from .spec import MotionSpec, Statistics
from .windowed import FrameWindows

MAX_BATCH = 65535
"""Positions that one attention call takes: more do not fit the grid of a CUDA kernel."""


class TemporalAttention(nn.Module):
    """Self-attention over frames; q, k and v are one matrix product."""

    positions: torch.Tensor

    def __init__(self, width: int, heads: int, max_frames: int, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = ops.Linear(width, 3 * width, bias=False, **factory)
        self.to_out = nn.ModuleList([ops.Linear(width, width, **factory)])
        self.register_buffer("positions", sinusoid(max_frames, width), persistent=False)  # (max_frames, c)

    def forward(self, x: torch.Tensor, rule: PositionRule) -> torch.Tensor:
        """`x` (b, f, c) after its LayerNorm; returns (b, f, c)."""
        batch, frames, width = x.shape
        x = x + rule.rows(self.positions, frames).to(x)
        qkv = self.to_qkv(x).view(batch, frames, 3, self.heads, -1)  # (b, f, 3, n, c/n)
        parts = [attend(*part.permute(2, 0, 3, 1, 4)) for part in qkv.split(MAX_BATCH)]
        out = parts[0] if len(parts) == 1 else torch.cat(parts)
        return self.to_out[0](out.transpose(1, 2).reshape(batch, frames, width))  # type: ignore[no-any-return]


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """softmax(q·kᵀ / sqrt(width of a head))·v for (b, n, f, c/n).

    Torch's kernel and not the one the user chose for pictures: those are made for thousands of tokens, here are 16.
    """
    return F.scaled_dot_product_attention(q, k, v)


class GEGLU(nn.Module):
    def __init__(self, width: int, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.proj = ops.Linear(width, 8 * width, **factory)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both: torch.Tensor = self.proj(x)
        value, gate = both.chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    def __init__(self, width: int, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.net = nn.ModuleList([GEGLU(width, ops, **factory), nn.Identity(), ops.Linear(4 * width, width, **factory)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net[2](self.net[0](x))  # type: ignore[no-any-return]


class TemporalTransformerBlock(nn.Module):
    def __init__(self, width: int, spec: MotionSpec, ops: Any, **factory: Any) -> None:
        super().__init__()
        count = range(spec.attentions)
        self.attention_blocks = nn.ModuleList(
            [TemporalAttention(width, spec.heads, spec.max_frames, ops, **factory) for _ in count]
        )
        self.norms = nn.ModuleList([ops.LayerNorm(width, **factory) for _ in count])
        self.ff = FeedForward(width, ops, **factory)
        self.ff_norm = ops.LayerNorm(width, **factory)

    def forward(self, x: torch.Tensor, rule: PositionRule, windows: FrameWindows | None = None) -> torch.Tensor:
        """`x` (b, f, c); returns (b, f, c)."""

        def attend_over_frames(x: torch.Tensor) -> torch.Tensor:
            for norm, attention in zip(self.norms, self.attention_blocks, strict=True):
                x = x + attention(norm(x), rule)
            return x

        x = attend_over_frames(x) if windows is None else windows.over(attend_over_frames, x)
        return x + self.ff(self.ff_norm(x))  # type: ignore[no-any-return]


class MotionModule(nn.Module):
    """One motion module of `width` channels: a residual branch around its input."""

    def __init__(self, width: int, spec: MotionSpec, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.norm = ops.GroupNorm(32, width, eps=1e-6, **factory)
        self.proj_in = ops.Linear(width, width, **factory)
        self.transformer_blocks = nn.ModuleList([TemporalTransformerBlock(width, spec, ops, **factory)])
        self.proj_out = ops.Linear(width, width, **factory)

    def forward(
        self,
        x: torch.Tensor,
        frames: int,
        strength: float = 1.0,
        norm: Statistics = "frame",
        rule: PositionRule = REFUSE,
        windows: FrameWindows | None = None,
    ) -> torch.Tensor:
        """`x` (v*f, c, h, w), `frames` = f; returns `x` plus `strength` times the motion, in the same shape.

        The layout is copied twice only: to (v*h*w, f, c), where all of the block works, and back.
        """
        channels, height, width = x.shape[1:]
        videos = x.shape[0] // frames
        z = self.norm(x) if norm == "frame" else joint_norm(self.norm, x, videos)
        z = z.reshape(videos, frames, channels, height * width)
        z = z.permute(0, 3, 1, 2).reshape(-1, frames, channels)  # (v*h*w, f, c)
        z = self.proj_in(z)
        for block in self.transformer_blocks:
            z = block(z, rule, windows)
        z = self.proj_out(z).reshape(videos, height, width, frames, channels)
        motion = z.permute(0, 3, 4, 1, 2)  # (v, f, c, h, w)
        return torch.add(x.reshape(motion.shape), motion, alpha=strength).reshape(x.shape)


class Level(nn.Module):
    """The motion modules of one down, mid or up block."""

    def __init__(self, widths: list[int], spec: MotionSpec, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.motion_modules = nn.ModuleList([MotionModule(width, spec, ops, **factory) for width in widths])


class MotionModel(nn.Module):
    """All motion modules of one file, at the paths that the published key layout gives them."""

    def __init__(self, spec: MotionSpec, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.spec = spec
        levels: dict[str, list[int]] = {}
        for place, width in spec.modules:
            levels.setdefault(place.split(".motion_modules.")[0], []).append(width)
        built = {name: Level(widths, spec, ops, **factory) for name, widths in levels.items()}
        for side in ("down_blocks", "up_blocks"):
            indices = sorted(int(name.split(".")[1]) for name in built if name.startswith(side))
            self.add_module(side, nn.ModuleList([built[f"{side}.{i}"] for i in indices]))
        if "mid_block" in built:
            self.mid_block = built["mid_block"]

    def at(self, place: str) -> MotionModule:
        """The motion module at a place such as "up_blocks.1.motion_modules.2"."""
        return self.get_submodule(place)  # type: ignore[return-value]
