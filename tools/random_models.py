"""A checkpoint and a motion model with random weights, made by seed: no download, and the picture is noise.

The checkpoint is the smallest that ComfyUI's checkpoint loader accepts as Stable Diffusion 1.5: the loader recognises
that by 320 channels and a text context of 768, and it builds the text encoder in full size. Everything else is reduced:
one residual block a level, no growth in channels, and the tiny autoencoder as VAE. The motion model has the published
key layout of v3, at that UNet's places.
"""

import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools import environment, in_host

if TYPE_CHECKING:
    import torch

WIDTH = 320
LEVELS = 4
FRAMES = 32  # length of the position table
UNET = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": WIDTH, "channel_mult": [1] * LEVELS,
    "num_res_blocks": [1] * LEVELS, "transformer_depth": [1, 1, 1, 0], "transformer_depth_middle": 1,
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 0, 0], "use_spatial_transformer": True, "context_dim": 768,
    "num_heads": 8, "legacy": False, "use_linear_in_transformer": False,
}  # fmt: skip


@dataclass(frozen=True)
class RandomModels:
    """Model files with random weights."""

    checkpoint: Path  # file of the image model, VAE and CLIP
    motion_model: Path  # file of the motion model


def ensure(host: Path) -> RandomModels:
    """The two files, 0.4 GB in the cache; made on first use by a process of its own, which imports ComfyUI."""
    folder = environment.cache() / "random-models"
    models = RandomModels(folder / "random_sd15.safetensors", folder / "random_v3_mm.safetensors")
    if not (models.checkpoint.exists() and models.motion_model.exists()):
        print(f"Making random weights, once, in {folder}", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        # The host comes before the repository, whose `nodes` would hide the host's.
        path = os.pathsep.join([str(host), str(environment.REPOSITORY)])
        command = [sys.executable, "-m", "tools.random_models", str(models.checkpoint), str(models.motion_model)]
        subprocess.run(command, cwd=host, env={**os.environ, "PYTHONPATH": path}, check=True)
    return models


def _checkpoint() -> "dict[str, torch.Tensor]":
    from comfy import ops, sd1_clip
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
    from comfy.taesd.taesd import TAESD

    unet = UNetModel(**UNET, operations=ops.disable_weight_init)
    text = sd1_clip.SD1ClipModel(model_options={"custom_operations": ops.disable_weight_init})
    parts = {"model.diffusion_model.": unet, "cond_stage_model.": text.clip_l, "first_stage_model.": TAESD()}
    shapes = {prefix + key: weight.shape for prefix, part in parts.items() for key, weight in part.state_dict().items()}
    weights = _random_weights(shapes, seed=0)
    last = "first_stage_model.taesd_decoder.19"  # grey with some noise on it, rather than black and white
    return weights | {f"{last}.weight": weights[f"{last}.weight"] * 0.05, f"{last}.bias": weights[f"{last}.bias"] + 0.5}


def _motion_model() -> "dict[str, torch.Tensor]":
    places = [f"down_blocks.{level}.motion_modules.0" for level in range(LEVELS)]
    places += [f"up_blocks.{level}.motion_modules.{index}" for level in range(LEVELS) for index in range(2)]
    shapes = {f"{place}.temporal_transformer.{key}": shape for place in places for key, shape in _motion_module()}
    weights = _random_weights(shapes, seed=1)
    positions = _positions()
    for key, weight in weights.items():
        if ".proj_out." in key:  # zero in an untrained module; a little more, so that motion shows
            weights[key] = weight * 0.1
        elif key.endswith(".pe"):
            weights[key] = positions
    return weights


def _motion_module() -> Iterator[tuple[str, tuple[int, ...]]]:
    """(key, shape) of every tensor of one motion module, as published."""
    block = "transformer_blocks.0"
    layers = {"proj_in": (WIDTH, WIDTH), "proj_out": (WIDTH, WIDTH)}
    layers |= {f"{block}.ff.net.0.proj": (8 * WIDTH, WIDTH), f"{block}.ff.net.2": (WIDTH, 4 * WIDTH)}
    norms = ["norm", f"{block}.ff_norm"]
    for index in range(2):
        attention = f"{block}.attention_blocks.{index}"
        yield from ((f"{attention}.to_{name}.weight", (WIDTH, WIDTH)) for name in "qkv")
        yield f"{attention}.pos_encoder.pe", (1, FRAMES, WIDTH)
        layers[f"{attention}.to_out.0"] = (WIDTH, WIDTH)
        norms.append(f"{block}.norms.{index}")
    for name, shape in layers.items():
        yield f"{name}.weight", shape
        yield f"{name}.bias", shape[:1]
    for name in norms:
        yield f"{name}.weight", (WIDTH,)
        yield f"{name}.bias", (WIDTH,)


def _positions() -> "torch.Tensor":
    """The sinusoidal table of the paper, (1, frames, width)."""
    import torch

    angles = torch.arange(FRAMES)[:, None] * torch.exp(torch.arange(0, WIDTH, 2) * (-math.log(10000.0) / WIDTH))
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(1, FRAMES, WIDTH)


def _random_weights(shapes: Mapping[str, Any], seed: int) -> "dict[str, torch.Tensor]":
    """Matrices and kernels that keep variance, norms of 1, biases of 0. Scalars are left to the loader's default."""
    import torch

    random = torch.Generator().manual_seed(seed)
    weights = {}
    for key, shape in shapes.items():
        if len(shape) > 1:
            scale = 1.0 if "embedding" in key else math.prod(shape[1:]) ** -0.5
            weights[key] = torch.randn(shape, generator=random) * scale
        elif len(shape) == 1:
            weights[key] = torch.full(shape, 1.0 if key.endswith("weight") else 0.0)
    return weights


def _save(weights: "dict[str, torch.Tensor]", path: Path) -> None:
    from safetensors.torch import save_file

    in_host.import_extension()
    from kinema.motion.atomic import replacing

    with replacing(path) as unfinished:
        save_file({key: weight.half().contiguous() for key, weight in weights.items()}, unfinished)


def main(checkpoint: Path, motion_model: Path) -> None:
    """Write both files; run by `ensure`."""
    from comfy import cli_args

    cli_args.args.cpu = True
    _save(_checkpoint(), checkpoint)
    _save(_motion_model(), motion_model)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
