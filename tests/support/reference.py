"""One motion module in float64 with einops, written from the paper's formulas and apart from Kinema's code."""

import math
from collections.abc import Mapping

import torch
from einops import rearrange

Weights = Mapping[str, torch.Tensor]


def linear(x: torch.Tensor, w: Weights, name: str) -> torch.Tensor:
    y = x @ w[f"{name}.weight"].T
    return y + w[f"{name}.bias"] if f"{name}.bias" in w else y


def layer_norm(x: torch.Tensor, w: Weights, name: str) -> torch.Tensor:
    mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
    return (x - mean) / torch.sqrt(var + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def group_norm(x: torch.Tensor, w: Weights, name: str, joint: bool) -> torch.Tensor:
    """`x` (v, f, c, h, w); 32 groups, eps 1e-6; statistics over the frames too if `joint`."""
    grouped = rearrange(x, "v f (g c) h w -> v f g c h w", g=32)
    axes = (1, 3, 4, 5) if joint else (3, 4, 5)
    mean, var = grouped.mean(axes, keepdim=True), grouped.var(axes, keepdim=True, correction=0)
    normal = rearrange((grouped - mean) / torch.sqrt(var + 1e-6), "v f g c h w -> v f (g c) h w")
    return normal * w[f"{name}.weight"][:, None, None] + w[f"{name}.bias"][:, None, None]


def positions(frames: int, width: int) -> torch.Tensor:
    table = torch.zeros(frames, width, dtype=torch.float64)
    for p in range(frames):
        for i in range(width // 2):
            angle = p * math.exp(-2 * i * math.log(10000) / width)
            table[p, 2 * i], table[p, 2 * i + 1] = math.sin(angle), math.cos(angle)
    return table


def attention(x: torch.Tensor, w: Weights, name: str, heads: int = 8) -> torch.Tensor:
    """`x` (b, f, c)."""
    x = x + positions(x.shape[1], x.shape[2])
    q, k, v = (
        rearrange(linear(x, w, f"{name}.{part}"), "b f (n e) -> b n f e", n=heads) for part in ("to_q", "to_k", "to_v")
    )
    weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), dim=-1)
    return linear(rearrange(weights @ v, "b n f e -> b f (n e)"), w, f"{name}.to_out.0")


def motion_module(x: torch.Tensor, weights: Weights, frames: int, joint: bool = False) -> torch.Tensor:
    """`x` (v*f, c, h, w) float64; `weights` by the names within one module."""
    w = {key: value.double() for key, value in weights.items()}
    video = rearrange(x, "(v f) c h w -> v f c h w", f=frames)
    height, width = x.shape[2:]
    z = rearrange(group_norm(video, w, "norm", joint), "v f c h w -> (v h w) f c")
    z = linear(z, w, "proj_in")
    block = "transformer_blocks.0"
    for i in range(2):
        z = z + attention(layer_norm(z, w, f"{block}.norms.{i}"), w, f"{block}.attention_blocks.{i}")
    value, gate = linear(layer_norm(z, w, f"{block}.ff_norm"), w, f"{block}.ff.net.0.proj").chunk(2, dim=-1)
    gelu = gate * 0.5 * (1 + torch.erf(gate / math.sqrt(2)))
    z = z + linear(value * gelu, w, f"{block}.ff.net.2")
    z = linear(z, w, "proj_out")
    return x + rearrange(z, "(v h w) f c -> (v f) c h w", h=height, w=width)
