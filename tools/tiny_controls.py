"""Tiny files by seed of what guides motion models: PIA, AnimateLCM-I2V, CameraCtrl and SparseCtrl, in the published key
layouts. For a process that has entered the host."""

from __future__ import annotations

import re
from collections.abc import Mapping

import comfy.utils
import torch

from . import tiny_models
from .tiny_models import CONTEXT, SD15_WIDTHS

Widths = tuple[int, ...]
Weights = dict[str, torch.Tensor]


def pia(seed: int = 21, widths: Widths = SD15_WIDTHS) -> Weights:
    first = {"conv_in.weight": (widths[0], 9, 3, 3), "conv_in.bias": (widths[0],)}
    return tiny_models.motion_weights(widths, seed=seed) | _random(first, seed)


def i2v(seed: int = 22, widths: Widths = SD15_WIDTHS) -> Weights:
    from kinema.motion.picture_parts import picture_template

    motion = tiny_models.motion_weights(widths, mid=True, positions=None, seed=seed)
    return motion | _random(picture_template("encoder", widths), seed)


def camera_ctrl(seed: int = 23, widths: Widths = SD15_WIDTHS) -> Weights:
    from kinema.motion.camera_detect import MERGE, template
    from kinema.motion.camera_layers import CameraSpec

    shapes = template(CameraSpec(widths, tuple(tiny_models.module_places(widths, False).items())))
    return _random({_published(name, MERGE): shape for name, shape in shapes.items()}, seed)


def _published(name: str, merge: str) -> str:
    """A CameraCtrl's own name of a weight as files have it."""
    kind, _, rest = name.partition(".")
    if kind == "encoder":
        return rest
    place, part = rest.split(".")
    return f"{place.replace('-', '.')}{merge}{part}"


def sparse_ctrl(
    condition: str = "rgb", seed: int = 24, widths: Widths = SD15_WIDTHS, context: int = CONTEXT
) -> Weights:
    """A SparseCtrl file for photographs ("rgb") or sketches ("scribble")."""
    shapes = _encoder(widths, context) | _embedding(condition, widths[0])
    for place, width in list(tiny_models.module_places(widths, False).items())[: 2 * len(widths)]:
        for name, shape in tiny_models.module_shapes(width, None).items():
            if not re.search(r"attention_blocks\.1|norms\.1", name):
                shapes[f"{place}.temporal_transformer.{name}"] = shape
    return _random(shapes, seed)


def _encoder(widths: Widths, context: int) -> dict[str, tuple[int, ...]]:
    """The way down through the UNet in diffusers' names, and the layers that hand it over."""
    config = tiny_models.unet_config("sd15")
    config |= {
        "channel_mult": [width // widths[0] for width in widths],
        "model_channels": widths[0],
        "context_dim": context,
    }
    state = tiny_models.unet(config).state_dict()
    names = comfy.utils.unet_to_diffusers(config)
    shapes = {theirs: tuple(state[ours].shape) for theirs, ours in names.items() if ours in state}
    shapes = {
        key: shape for key, shape in shapes.items() if re.match("conv_in|time_embedding|down_blocks|mid_block", key)
    }
    taps = [widths[0], *(w for i, width in enumerate(widths) for w in [width] * (2 if i == len(widths) - 1 else 3))]
    layers = {f"controlnet_down_blocks.{i}": width for i, width in enumerate(taps)} | {
        "controlnet_mid_block": widths[-1]
    }
    for layer, width in layers.items():
        shapes |= {f"{layer}.weight": (width, width, 1, 1), f"{layer}.bias": (width,)}
    return shapes


def _embedding(condition: str, width: int) -> dict[str, tuple[int, ...]]:
    name = "controlnet_cond_embedding"
    if condition == "rgb":
        return {f"{name}.weight": (width, 5, 3, 3), f"{name}.bias": (width,)}
    channels = (4, 16, 16, 32, 32, 96, 96, 256, width)
    layers = ("conv_in", *(f"blocks.{i}" for i in range(6)), "conv_out")
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, before, after in zip(layers, channels[:-1], channels[1:], strict=True):
        shapes |= {f"{name}.{layer}.weight": (after, before, 3, 3), f"{name}.{layer}.bias": (after,)}
    return shapes


def _random(shapes: Mapping[str, tuple[int, ...]], seed: int) -> Weights:
    random = tiny_models.generator(seed)
    in_order = sorted(shapes.items())  # that of the host's table of names differs from process to process
    return {name: tiny_models.randomise(shape, name, random) for name, shape in in_order}
