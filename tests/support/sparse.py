"""Tiny SparseCtrl models in the authors' key layout, their weights by the fill rule of the golden numbers, and the video
model of another program with the same weights."""

import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import diffusers
import oracle
import tiny
import torch
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


def network(condition: str, widths: tuple[int, ...] = tiny.SD15_WIDTHS, context: int = tiny.CONTEXT) -> nn.Module:
    """diffusers' model, its motion norms per frame as the authors trained them, in float64, with the weights of `weights`."""
    rgb = condition == "rgb"
    model = diffusers.SparseControlNetModel(
        conditioning_channels=4 if rgb else 3, use_simplified_condition_embedding=rgb, block_out_channels=widths,
        cross_attention_dim=context,
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


class TinyVae:
    """The smallest thing that encodes as the host's VAE does: a fixed convolution of 8 x 8 pixels."""

    def __init__(self) -> None:
        self.encoded: list[tuple[int, ...]] = []
        self._kernel = torch.randn(4, 3, 8, 8, generator=tiny.generator(9)) / 8

    def spacial_compression_encode(self) -> int:
        return 8

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        self.encoded.append(tuple(pixels.shape))
        return torch.nn.functional.conv2d(pixels.movedim(-1, 1), self._kernel, stride=8)


def applied(model: SparseModel, pictures: torch.Tensor, amount: float = 1.0, part: tuple[float, float] = (0.0, 1.0),
            vae: Any = None, frames: str = "0", **how: Any) -> SparseControl:  # fmt: skip
    """What Load SparseCtrl and Apply ControlNet give."""
    return (
        SparseControl(model, SparseSettings(read_placement(frames), **how))
        .copy()
        .set_cond_hint(pictures, amount, part, vae=vae)
    )
