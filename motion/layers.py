"""The motion module: a temporal transformer whose tokens are the frames at one position of the picture.

Paper, section 4.2; every number is in the family's published code: GroupNorm of 32 groups, one transformer block of
two self-attentions over frames, positions added after each LayerNorm (so that values carry them too), GEGLU.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .control import PLAIN, Control, PerLatent, Tokens, linear
from .enhance import intensity
from .norms import joint_norm
from .picture_parts import picture_modules
from .positions import sinusoid
from .spec import MotionSpec

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

    def forward(self, x: torch.Tensor, control: Control, tokens: Tokens, which: int) -> torch.Tensor:
        """`x` (b, f, c) after its LayerNorm; returns (b, f, c). It is the attention number `which` of `control`."""
        batch, frames, width = x.shape
        x = x + control.rule.rows(self.positions, frames).to(x)
        if control.merge is not None and which == 0:
            x = control.merge.into(x, tokens)
        qkv = linear(self.to_qkv, x, control, tokens).view(batch, frames, 3, self.heads, -1)  # (b, f, 3, n, c/n)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (b, n, f, c/n)
        if control.scales[which:]:
            k = scaled(k, tokens.of(control.scales[which]))
        if control.watch is not None:
            control.watch(which, q, k)
        parts = [attend(*part) for part in zip(*(t.split(MAX_BATCH) for t in (q, k, v)), strict=True)]
        out = parts[0] if len(parts) == 1 else torch.cat(parts)
        out = linear(self.to_out[0], out.transpose(1, 2).reshape(batch, frames, width), control, tokens)
        enhance = control.enhance[which] if control.enhance[which:] else None
        return out if enhance is None else out * intensity(q, k, tokens.videos, tokens.of(enhance))


def scaled(k: torch.Tensor, scale: PerLatent) -> torch.Tensor:
    """`k` (b, n, f, c/n) times a `scale` (b, f, 1)."""
    if isinstance(scale, torch.Tensor):
        return k * scale[:, None]
    return k if scale == 1 else k * scale


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """softmax(q·transpose(k) / sqrt(width of a head))·v for (b, n, f, c/n).

    Torch's kernel and not the one the user chose for pictures: those are made for thousands of tokens, here are 16.
    """
    return F.scaled_dot_product_attention(q, k, v)


class GEGLU(nn.Module):
    def __init__(self, width: int, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.proj = ops.Linear(width, 8 * width, **factory)

    def forward(self, x: torch.Tensor, control: Control, tokens: Tokens) -> torch.Tensor:
        value, gate = linear(self.proj, x, control, tokens).chunk(2, dim=-1)
        return F.gelu(gate).mul_(value)


class FeedForward(nn.Module):
    def __init__(self, width: int, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.net = nn.ModuleList([GEGLU(width, ops, **factory), nn.Identity(), ops.Linear(4 * width, width, **factory)])

    def forward(self, x: torch.Tensor, control: Control, tokens: Tokens) -> torch.Tensor:
        return linear(self.net[2], self.net[0](x, control, tokens), control, tokens)


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

    def forward(self, x: torch.Tensor, control: Control, tokens: Tokens) -> torch.Tensor:
        """`x` (b, f, c); returns (b, f, c). Sums and products go where a layer's result is already: fresh memory is what
        costs in them."""
        x = self._attended(x, control, tokens)
        return self.ff(self.ff_norm(x), control, tokens).add_(x)  # type: ignore[no-any-return]

    def _attended(self, x: torch.Tensor, control: Control, tokens: Tokens) -> torch.Tensor:
        """`x` (b, f, c) after the attentions, in that shape."""
        windows = control.windows
        if windows is None:
            return self._attend(x, control, tokens)
        windowed = windows.over(lambda parts: self._attend(parts, control, tokens.seen(windows)), x)
        if windows.low_pass is None:
            return windowed
        return windows.blended(windowed, self._attend(x, control.of_all(windows, tokens.frames), tokens))

    def _attend(self, x: torch.Tensor, control: Control, tokens: Tokens) -> torch.Tensor:
        for i, (norm, attention) in enumerate(zip(self.norms, self.attention_blocks, strict=True)):
            x = attention(norm(x), control, tokens, i).add_(x)
        return x


class MotionModule(nn.Module):
    """One motion module of `width` channels: a residual branch around its input."""

    def __init__(self, width: int, spec: MotionSpec, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.norm = ops.GroupNorm(32, width, eps=1e-6, **factory)
        self.proj_in = ops.Linear(width, width, **factory)
        self.transformer_blocks = nn.ModuleList([TemporalTransformerBlock(width, spec, ops, **factory)])
        self.proj_out = ops.Linear(width, width, **factory)

    def forward(self, x: torch.Tensor, frames: int, control: Control = PLAIN) -> torch.Tensor:
        """`x` (v*f, c, h, w), `frames` = f; returns `x` plus the strength of `control` times the motion, in that shape.

        The layout is copied twice only: to (v*h*w, f, c), where all of the block works, and back.
        """
        channels, height, width = x.shape[1:]
        tokens = Tokens(x.shape[0] // frames, frames, (height, width))
        z = self.norm(x) if control.norm == "frame" else joint_norm(self.norm, x, tokens.videos)
        z = z.reshape(tokens.videos, frames, channels, height * width)
        z = z.permute(0, 3, 1, 2).reshape(-1, frames, channels)  # (v*h*w, f, c)
        z = linear(self.proj_in, z, control, tokens)
        for block in self.transformer_blocks:
            z = block(z, control, tokens)
        z = linear(self.proj_out, z, control, tokens).reshape(tokens.videos, height, width, frames, channels)
        return add_motion(x, z.permute(0, 3, 4, 1, 2), control.strength)  # (v, f, c, h, w)


def add_motion(x: torch.Tensor, motion: torch.Tensor, strength: PerLatent) -> torch.Tensor:
    """`x` (v*f, c, h, w) plus `strength` (v*f, 1, h, w) times `motion` (v, f, c, h, w)."""
    if isinstance(strength, torch.Tensor):
        factor = strength.reshape(*motion.shape[:2], *strength.shape[1:])
        return torch.addcmul(x.reshape(motion.shape), motion, factor).reshape(x.shape)
    return torch.add(x.reshape(motion.shape), motion, alpha=strength).reshape(x.shape)


class Level(nn.Module):
    """The motion modules of one down, mid or up block."""

    def __init__(self, widths: list[int], spec: MotionSpec, ops: Any, **factory: Any) -> None:
        super().__init__()
        self.motion_modules = nn.ModuleList([MotionModule(width, spec, ops, **factory) for width in widths])


class MotionModel(nn.Module):
    """All motion modules of one file, at the paths that the published key layout gives them, and what the file has for
    pictures."""

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
        for name, module in picture_modules(spec, ops, **factory).items():
            self.add_module(name, module)

    def at(self, place: str) -> MotionModule:
        """The motion module at a place such as "up_blocks.1.motion_modules.2"."""
        return self.get_submodule(place)  # type: ignore[return-value]
