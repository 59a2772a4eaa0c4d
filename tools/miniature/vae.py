"""The miniature's autoencoder, in the layout of TAESD so that the host's own loader reads it.

TAESD (Ollin Boer Bohan, https://github.com/madebyollin/taesd) works on pictures in [0, 1]; its latents are what the
UNet sees, so `vae_scale` is the host's SD1.5 factor, and the latents have unit variance. Trained in two phases:
both halves with a little noise on the latents, then, the encoder's output normalised and frozen, the decoder alone.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from kinema.miniature import models

from . import world
from .host import autocast, device
from .init import initialise
from .loop import Plan, fit

SCALE = 0.18215  # the host's latent factor for SD1.5
NOISE = 0.1
JOINT = Plan("vae_joint", steps=2400, lr=1.2e-3, seed=1, ema=0.998, weight_decay=0.0)
DECODER = Plan("vae_decoder", steps=4000, lr=5e-4, seed=2, ema=0.998, weight_decay=0.0)
SEED = 10_000_000  # the training pictures' first seed


def train(folder: Path, stop_at: float) -> dict[str, torch.Tensor]:
    """Train both phases; return the host's keys: taesd_encoder.*, taesd_decoder.*, vae_scale, vae_shift."""
    pool = _pictures()
    parts = _joint(pool, folder, stop_at)
    parts["taesd_encoder"].requires_grad_(False)
    average = fit(DECODER, parts, lambda step, rng: _loss(parts, pool, step, rng, joint=False), folder, stop_at)
    return average | {"vae_scale": torch.tensor(SCALE), "vae_shift": torch.tensor(0.0)}


def shipped_encoder() -> torch.nn.Module:
    """The encoder, pictures (n, 3, h, w) in [0, 1] to latents of unit variance."""
    from comfy.taesd.taesd import Encoder

    weights, prefix = load_file(models.FOLDER / models.VAE), "taesd_encoder."
    encoder: torch.nn.Module = Encoder()
    encoder.load_state_dict({k.removeprefix(prefix): v.float() for k, v in weights.items() if k.startswith(prefix)})
    _place(encoder)
    return encoder.eval().requires_grad_(False)


def _place(module: torch.nn.Module) -> None:
    module.to(device())
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it, its types do not


def _joint(pool: torch.Tensor, folder: Path, stop_at: float) -> torch.nn.ModuleDict:
    from comfy.taesd.taesd import Decoder, Encoder

    encoder = Encoder()
    parts = torch.nn.ModuleDict({"taesd_encoder": encoder, "taesd_decoder": Decoder()})
    initialise(parts, seed=1)
    _place(parts)
    average = fit(JOINT, parts, lambda step, rng: _loss(parts, pool, step, rng, joint=True), folder, stop_at)
    parts.load_state_dict(average)
    _normalise(encoder, pool)
    return parts


def _pictures() -> torch.Tensor:
    """Training pictures, uint8 (n, 3, 128, 128): two thirds in the day style, some of them zoomed."""
    day = [world.still(SEED + i)[0] for i in range(1200)]
    neon = [world.still(SEED + 2000 + i, "neon")[0] for i in range(700)]
    zoomed = [world.clip(SEED + 4000 + i, 4, zoom=1.5)[0][-1] for i in range(100)]
    return torch.from_numpy(np.stack(day + neon + zoomed)).permute(0, 3, 1, 2).contiguous()


def _loss(parts: torch.nn.ModuleDict, pool: torch.Tensor, step: int, rng: torch.Generator, joint: bool) -> torch.Tensor:
    picture = _crops(pool, step, rng).to(device())
    with autocast(), torch.set_grad_enabled(joint):
        latent: torch.Tensor = parts["taesd_encoder"](picture)
    latent = latent.float()
    noise = NOISE * torch.randn(latent.shape, generator=rng).to(latent)
    with autocast():
        decoded = parts["taesd_decoder"](latent + noise)
    error = decoded.float() - picture
    loss: torch.Tensor = ((error.abs() + 5 * error**2) * _edge_weight(picture)).mean()
    if not joint:
        return loss
    mean = latent.mean((0, 2, 3))
    std = latent.std((0, 2, 3))
    rough: torch.Tensor = latent.diff(dim=2).square().mean() + latent.diff(dim=3).square().mean()
    return loss + 0.05 * (mean.square() + (std - 1).square()).mean() + 0.005 * rough


def _crops(pool: torch.Tensor, step: int, rng: torch.Generator) -> torch.Tensor:
    """Eight crops of 48 pixels, or (every fourth step) one whole picture; (n, 3, s, s) in [0, 1]."""
    count, size = (1, 128) if step % 4 == 3 else (8, 48)
    chosen = torch.randint(len(pool), (count,), generator=rng).tolist()
    corner = torch.randint(0, 128 - size + 1, (count, 2), generator=rng).tolist()
    cut = [pool[i, :, y : y + size, x : x + size] for i, (y, x) in zip(chosen, corner, strict=True)]
    return (torch.stack(cut).float() / 255).contiguous(memory_format=torch.channels_last)


def _edge_weight(picture: torch.Tensor) -> torch.Tensor:
    """1 on flat areas, up to 4 near edges: eyes and outlines are few pixels that a viewer looks at; (n, 1, h, w)."""
    across = F.pad(picture.diff(dim=3).abs(), (0, 1)) + F.pad(picture.diff(dim=2).abs(), (0, 0, 0, 1))
    near = F.max_pool2d(across.sum(1, keepdim=True), 3, 1, 1)
    return 1 + 3 * near.clamp(max=1)


@torch.no_grad()
def _normalise(encoder: torch.nn.Sequential, pool: torch.Tensor) -> None:
    """Fold the latents' mean and deviation over whole day pictures into the encoder's last convolution."""
    latent = torch.cat([encoder(pool[i : i + 8].float().to(device()) / 255) for i in range(0, 160, 8)])
    mean = latent.mean((0, 2, 3))
    std = latent.std((0, 2, 3))
    last = encoder[-1]
    assert isinstance(last, torch.nn.Conv2d) and last.bias is not None
    last.weight.div_(std[:, None, None, None])
    last.bias.sub_(mean).div_(std)
