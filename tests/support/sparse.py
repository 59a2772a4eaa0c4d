"""Tiny SparseCtrl models in the authors' key layout, their weights by the fill rule of the golden numbers, and the video
model of another program with the same weights."""

import math
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import comfy.sd
import diffusers
import oracle
import tiny
import torch
from comfy.taesd.taesd import TAESD
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import nn

from kinema.sampling.sparsectrl.placement import read_placement
from kinema.sampling.sparsectrl.sparse_control import SparseControl, SparseSettings
from kinema.sampling.sparsectrl.sparse_model import SparseModel, load_sparsectrl

PUBLISHED = (  # in diffusers' names, and in the authors'
    (".transformer_blocks.0.pos_embed.pe", ".transformer_blocks.0.attention_blocks.0.pos_encoder.pe"),
    (".attn1.", ".attention_blocks.0."),
    (".norm1.", ".norms.0."),
    (".norm3.", ".ff_norm."),
)


def filled(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Numbers of mean 0 and variance 1 that any program can make: fractions of a fast sine, by the name and the place."""
    phase = zlib.crc32(name.encode()) % 997
    place = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64)
    fast = 43758.5453 * torch.sin(12.9898 * place + 78.233 * phase)
    return ((2 * (fast - fast.floor()) - 1) * math.sqrt(3)).reshape(shape)


def weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    values = filled(name, shape)
    if len(shape) > 1:
        return values / math.sqrt(math.prod(shape[1:]))
    return values * 0.1 + (1.0 if name.endswith("weight") else 0.0)


def published(key: str) -> str:
    """The authors' name of a diffusers `key`."""
    if ".motion_modules." not in key:
        return key
    for theirs, authors in PUBLISHED:
        key = key.replace(theirs, authors)
    place, _, rest = key.partition(".motion_modules.")
    index, _, inside = rest.partition(".")
    return f"{place}.motion_modules.{index}.temporal_transformer.{inside}"


def network(
    condition: str, widths: tuple[int, ...] = tiny.SD15_WIDTHS, context: int = tiny.CONTEXT, layers: int = 2
) -> nn.Module:
    """diffusers' model, its motion norms per frame as the authors trained them, in float64, with the weights of `weights`."""
    rgb = condition == "rgb"
    model = diffusers.SparseControlNetModel(
        conditioning_channels=4 if rgb else 3, use_simplified_condition_embedding=rgb, block_out_channels=widths,
        cross_attention_dim=context, layers_per_block=layers,
    ).double().eval()  # fmt: skip
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items() if not key.endswith(".pe")}
    model.load_state_dict({key: weight(published(key), shape) for key, shape in shapes.items()}, strict=False)
    for module in list(model.modules()):
        if isinstance(module, AnimateDiffTransformer3D):
            module.norm = oracle.PerFrame(module.norm)
    return model


def weights(condition: str, **shape: Any) -> dict[str, torch.Tensor]:
    """A file in the authors' layout, in float32."""
    state = network(condition, **shape).state_dict()
    return {published(key.replace(".norm.norm.", ".norm.")): value.float() for key, value in state.items()}


def diffusers_weights(condition: str) -> dict[str, torch.Tensor]:
    """A file in diffusers' layout."""
    return {
        key.replace(".norm.norm.", ".norm."): value.float() for key, value in network(condition).state_dict().items()
    }


def exact_model(file: Mapping[str, torch.Tensor], path: Path) -> SparseModel:
    """The model in `file`, which computes in float64."""
    model = load_sparsectrl(tiny.save(file, path))
    model.network.model.double().dtype = torch.float64
    model.motion.model.double()
    return model


def vae(channels: int = 4) -> Any:
    """The host's VAE with random weights, whose latents have so many channels."""
    random, shapes = tiny.generator(9), TAESD(latent_channels=channels).state_dict()
    return comfy.sd.VAE(
        sd={key: tiny.randomise(tuple(w.shape), key, random) if w.ndim else w for key, w in shapes.items()}
    )


def encoded_by(vae: Any, run: Callable[[], Any]) -> list[tuple[int, ...]]:
    """The shapes of the pictures that `vae` encodes while `run` runs."""
    shapes: list[tuple[int, ...]] = []
    encoder = vae.first_stage_model.taesd_encoder
    handle = encoder.register_forward_pre_hook(lambda _, given: shapes.append(tuple(given[0].shape)))
    try:
        run()
    finally:
        handle.remove()
    return shapes


def applied(model: SparseModel, pictures: torch.Tensor, amount: float = 1.0, part: tuple[float, float] = (0.0, 1.0),
            vae: Any = None, frames: str = "0", **how: Any) -> SparseControl:  # fmt: skip
    """What Load SparseCtrl and Apply ControlNet give."""
    return (
        SparseControl(model, SparseSettings(read_placement(frames), **how))
        .copy()
        .set_cond_hint(pictures, amount, part, vae=vae)
    )
