"""Tiny real models, made by seed: a UNet of SD1.5's or SDXL's structure in the host's own classes, and motion models
in the published key layouts."""

import itertools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.supported_models
import comfy.utils
import safetensors.torch
import torch
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

SD15_WIDTHS = (32, 64, 64, 64)
SDXL_WIDTHS = (32, 64, 64)
CONTEXT = 32


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randomise(shape: tuple[int, ...], name: str, random: torch.Generator) -> torch.Tensor:
    """A plausible random weight: matrices keep variance, norms are near 1, biases near 0."""
    values = torch.randn(shape, generator=random)
    if len(shape) > 1:
        return values / math.sqrt(math.prod(shape[1:]))
    return values * 0.1 + (1.0 if name.endswith("weight") else 0.0)


def unet_config(base: str) -> dict[str, Any]:
    shared = {
        "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 32, "context_dim": CONTEXT,
        "use_spatial_transformer": True, "legacy": False, "num_heads": 8, "num_head_channels": -1,
        "use_linear_in_transformer": False, "adm_in_channels": None, "use_temporal_attention": False,
    }  # fmt: skip
    if base == "sd15":
        return shared | {
            "channel_mult": (1, 2, 2, 2), "num_res_blocks": [2, 2, 2, 2], "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
            "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0], "transformer_depth_middle": 1,
        }  # fmt: skip
    if base == "small":
        return shared | {
            "channel_mult": (1, 1, 1, 1), "num_res_blocks": [1, 1, 1, 1], "transformer_depth": [1, 0, 0, 0],
            "transformer_depth_output": [1, 1, 0, 0, 0, 0, 0, 0], "transformer_depth_middle": 1,
        }  # fmt: skip
    return shared | {
        "channel_mult": (1, 2, 2), "num_res_blocks": [2, 2, 2], "transformer_depth": [0, 0, 1, 1, 2, 2],
        "transformer_depth_output": [0, 0, 0, 1, 1, 1, 2, 2, 2], "transformer_depth_middle": 2,
    }  # fmt: skip


def image_model(
    base: str = "sd15", seed: int = 0, v_prediction: bool = False, storage: torch.dtype = torch.float32
) -> Any:
    """MODEL: a host ModelPatcher around a tiny UNet with random weights, kept as `storage` and computed in float32.

    `base` "small" is SD1.5 with the fewest layers: one residual block a level, and attention on the first level and in the
    middle. Motion models in the published layouts do not fit it.
    """
    kinds = comfy.supported_models
    config = {"sd15": kinds.SD15, "small": kinds.SD15, "sdxl": kinds.SDXL}[base](unet_config(base))
    if storage != torch.float32:
        config.set_inference_dtype(storage, torch.float32)
    kind = comfy.model_base.ModelType.V_PREDICTION if v_prediction else comfy.model_base.ModelType.EPS
    model = comfy.model_base.BaseModel(config, kind, device="cpu").eval()
    random = generator(seed)
    unet = model.diffusion_model
    unet.load_state_dict({k: randomise(tuple(w.shape), k, random) for k, w in unet.state_dict().items()})
    return comfy.model_patcher.CoreModelPatcher(
        model, load_device=comfy.model_management.get_torch_device(), offload_device=torch.device("cpu")
    )


def unet(config: Mapping[str, Any]) -> Any:
    """A UNet of `config` in the host's own class, without weights."""
    names = {**config, "device": "meta", "operations": comfy.ops.disable_weight_init}
    return UNetModel(**{key: value for key, value in names.items() if value is not None})


def module_places(widths: tuple[int, ...], mid: bool) -> dict[str, int]:
    down = {f"down_blocks.{i}.motion_modules.{j}": w for i, w in enumerate(widths) for j in range(2)}
    up = {f"up_blocks.{i}.motion_modules.{j}": w for i, w in enumerate(reversed(widths)) for j in range(3)}
    return down | ({"mid_block.motion_modules.0": widths[-1]} if mid else {}) | up


def module_shapes(width: int, positions: int | None) -> dict[str, tuple[int, ...]]:
    """One motion module in AnimateDiff's published names, written down here once more, apart from the code."""
    c, block = width, "transformer_blocks.0."
    shapes: dict[str, tuple[int, ...]] = {
        "norm.weight": (c,), "norm.bias": (c,), "proj_in.weight": (c, c), "proj_in.bias": (c,),
        "proj_out.weight": (c, c), "proj_out.bias": (c,), block + "ff.net.0.proj.weight": (8 * c, c),
        block + "ff.net.0.proj.bias": (8 * c,), block + "ff.net.2.weight": (c, 4 * c), block + "ff.net.2.bias": (c,),
        block + "ff_norm.weight": (c,), block + "ff_norm.bias": (c,),
    }  # fmt: skip
    for i in "01":
        shapes |= {f"{block}norms.{i}.{part}": (c,) for part in ("weight", "bias")}
        attention = f"{block}attention_blocks.{i}."
        shapes |= {f"{attention}{name}.weight": (c, c) for name in ("to_q", "to_k", "to_v", "to_out.0")}
        shapes[f"{attention}to_out.0.bias"] = (c,)
        if positions is not None:
            shapes[f"{attention}pos_encoder.pe"] = (1, positions, c)
    return shapes


def sinusoid(length: int, width: int) -> torch.Tensor:
    rows = [
        [f(p * 10000 ** (-2 * i / width)) for i in range(width // 2) for f in (math.sin, math.cos)]
        for p in range(length)
    ]
    return torch.tensor(rows, dtype=torch.float64).float()


def motion_weights(
    widths: tuple[int, ...] = SD15_WIDTHS, *, mid: bool = False, positions: int | None = 32, seed: int = 1
) -> dict[str, torch.Tensor]:
    """A motion model in AnimateDiff's key layout: v1 has 24 positions, v2 and v3 have 32, v2 a mid block."""
    random = generator(seed)
    weights = {}
    for place, width in module_places(widths, mid).items():
        for name, shape in module_shapes(width, positions).items():
            key = f"{place}.temporal_transformer.{name}"
            weights[key] = sinusoid(shape[1], width)[None] if name.endswith("pe") else randomise(shape, name, random)
    return weights


VERSIONS: dict[str, Callable[..., dict[str, torch.Tensor]]] = {
    "v1": lambda **kw: motion_weights(positions=24, **kw),
    "v2": lambda **kw: motion_weights(mid=True, **kw),
    "v3": lambda **kw: motion_weights(**kw),
}


def save(weights: Mapping[str, torch.Tensor], path: Path) -> Path:
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(dict(weights), path)
    else:
        torch.save({"state_dict": dict(weights)}, path)
    return path


def motion_lora(
    mid: bool = True, widths: tuple[int, ...] = SD15_WIDTHS, seed: int = 3, rank: int = 4
) -> dict[str, torch.Tensor]:
    """A motion LoRA in the published names: 2 tensors for each of 4 layers of 2 attentions of every module."""
    random = generator(seed)
    weights = {}
    for place, width in module_places(widths, mid).items():
        for i, part in itertools.product("01", ("to_q", "to_k", "to_v", "to_out")):
            stem = f"{place}.temporal_transformer.transformer_blocks.0.attention_blocks.{i}.processor.{part}_lora"
            weights[f"{stem}.down.weight"] = torch.randn(rank, width, generator=random) / 8
            weights[f"{stem}.up.weight"] = torch.randn(width, rank, generator=random) / 8
    return weights


def latents(frames: int, size: int = 8, seed: int = 2) -> torch.Tensor:
    return torch.randn(frames, 4, size, size, generator=generator(seed))


def conditioning(seed: int = 3, tokens: int = 5) -> list[list[Any]]:
    return [[torch.randn(1, tokens, CONTEXT, generator=generator(seed)), {}]]


def sample(
    model: Any,
    frames: int = 4,
    *,
    steps: int = 2,
    cfg: float = 4.0,
    seed: int = 5,
    sampler: str = "euler",
    scheduler: str = "normal",
    positive: Any = None,
    negative: Any = None,
    size: int = 8,
    latent: torch.Tensor | None = None,
    noise: torch.Tensor | None = None,
    **more: Any,
) -> torch.Tensor:
    """The host's own KSampler on noise, as latents (f, 4, size, size)."""
    import comfy.sample

    empty = torch.zeros(frames, 4, size, size) if latent is None else latent
    noise = comfy.sample.prepare_noise(empty, seed) if noise is None else noise
    result: torch.Tensor = comfy.sample.sample(
        model, noise, steps, cfg, sampler, scheduler, positive or conditioning(3), negative or conditioning(4), empty,
        disable_pbar=True, seed=seed, **more,
    )  # fmt: skip
    return result
