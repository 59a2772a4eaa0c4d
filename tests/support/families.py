"""One motion model of every kind that people have, in its published keys, with random weights of small width."""

from collections.abc import Callable
from dataclasses import dataclass

import comfy.utils
import tiny
import torch

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Kind:
    """A motion model as people have it."""

    file: str  # a usual name of such a file
    family: str  # what it must be recognised as
    make: Callable[[], Weights]  # what is in the file, but narrow
    base: str = "sd15"  # of the image model that it is for
    frames: int = 32  # length of its position table


def rename(weights: Weights, *names: tuple[str, str], prefix: str = "") -> Weights:
    def renamed(key: str) -> str:
        for ours, theirs in names:
            key = key.replace(ours, theirs)
        return prefix + key

    return {renamed(key): value for key, value in weights.items()}


def sdxl(positions: int = 32) -> Weights:
    return tiny.motion_weights(tiny.SDXL_WIDTHS, positions=positions)


def hotshot() -> Weights:
    return rename(
        sdxl(24),
        (".motion_modules.", ".temporal_attentions."),
        (".temporal_transformer", ""),
        (".pe", ".positional_encoding"),
    )


def diffusers_layout(weights: Weights) -> Weights:
    """diffusers' MotionAdapter file: other names, and one position table for both attentions of a block."""
    one_table = {k: v for k, v in weights.items() if not k.endswith("attention_blocks.1.pos_encoder.pe")}
    return rename(
        one_table, (".temporal_transformer", ""), (".attention_blocks.0.pos_encoder.pe", ".pos_embed.pe"),
        (".attention_blocks.0", ".attn1"), (".attention_blocks.1", ".attn2"), (".norms.0", ".norm1"),
        (".norms.1", ".norm2"), (".ff_norm", ".norm3"),
    )  # fmt: skip


def pia() -> Weights:
    return {**tiny.motion_weights(), **_filled({"conv_in.weight": (32, 9, 3, 3), "conv_in.bias": (32,)})}


def lcm_i2v() -> Weights:
    return {**tiny.motion_weights(mid=True, positions=None), **_filled(picture_encoder())}


def picture_encoder() -> dict[str, tuple[int, ...]]:
    """The encoder of AnimateLCM-I2V in its published names, written down here once more, apart from the code."""
    shapes = {"conv_in.weight": (32, 4, 3, 3), "conv_in.bias": (32,), "body.2.in_conv.weight": (64, 32, 1, 1)}
    shapes["body.2.in_conv.bias"] = (64,)
    for i, c in enumerate((32, 32, 64, 64, 64, 64, 64, 64)):
        shapes |= {f"body.{i}.block1.weight": (c, c, 3, 3), f"body.{i}.block2.weight": (c, c, 1, 1)}
        shapes |= {f"body.{i}.{block}.bias": (c,) for block in ("block1", "block2")}
    return {f"img_encoder.{name}": shape for name, shape in shapes.items()}


def _filled(shapes: dict[str, tuple[int, ...]]) -> Weights:
    random = tiny.generator(6)
    return {name: tiny.randomise(shape, name, random) for name, shape in shapes.items()}


def whole_unet(base: str = "sd15", mid: bool = False, prefix: str = "") -> Weights:
    """What the authors' train.py saves, with `prefix` "module.": the image model's UNet, too, in diffusers' names."""
    model = tiny.image_model(base)
    state = model.model.diffusion_model.state_dict()
    names = comfy.utils.unet_to_diffusers(model.model.model_config.unet_config)
    unet = {theirs: state[ours].clone() for theirs, ours in names.items() if ours in state}
    widths = tiny.SD15_WIDTHS if base == "sd15" else tiny.SDXL_WIDTHS
    return rename({**unet, **tiny.motion_weights(widths, mid=mid)}, prefix=prefix)


def lcm_own_tables() -> Weights:
    """What AnimateLCM's own code saves."""
    weights = tiny.motion_weights(mid=True, positions=64)
    return rename(weights, (".pos_encoder.pe", ".pos_encoder.pos_encoding"))


AVERAGE = {"num_updates": torch.tensor(5000), "decay": torch.tensor(0.9999)}
"""What a moving average of weights leaves in a file."""

KINDS: dict[str, Kind] = {
    kind.file: kind
    for kind in (
        Kind("mm_sd_v14.ckpt", "v1", lambda: tiny.motion_weights(positions=24), frames=24),
        Kind("mm_sd_v15.ckpt", "v1", lambda: tiny.motion_weights(positions=24), frames=24),
        Kind("mm-Stabilized_high.pth", "v1", lambda: tiny.motion_weights(positions=24, seed=2), frames=24),
        Kind("temporaldiff-v1-animatediff.safetensors", "v1", lambda: tiny.motion_weights(positions=24, seed=3), frames=24),
        Kind("mm_sd_v15_v2.ckpt", "v2", lambda: tiny.motion_weights(mid=True)),
        Kind("v3_sd15_mm.ckpt", "v3", lambda: tiny.motion_weights()),
        Kind("lt_long_mm_16_64_frames_v1.1.ckpt", "long", lambda: tiny.motion_weights(mid=True, positions=128), frames=128),
        Kind("lt_long_mm_16_64_frames.ckpt", "long", lambda: tiny.motion_weights(mid=True, positions=65), frames=65),
        Kind("lt_long_mm_32_frames.ckpt", "long32", lambda: tiny.motion_weights(mid=True, positions=64), frames=64),
        Kind("long_33.ckpt", "long32", lambda: tiny.motion_weights(mid=True, positions=33), frames=33),
        Kind("lt_long_32_positions.safetensors", "long32", lambda: tiny.motion_weights(mid=True)),
        Kind("lt_long_without_mid.safetensors", "long32", lambda: tiny.motion_weights()),
        Kind("v3_longer.safetensors", "v3", lambda: tiny.motion_weights(positions=264), frames=264),
        Kind("mm_sd_v15_longer.ckpt", "v1", lambda: tiny.motion_weights(positions=48), frames=48),
        *(
            Kind(f"animatediff_lightning_{n}step_comfyui.safetensors", "lightning", lambda: tiny.motion_weights(mid=True))
            for n in (1, 2, 4, 8)
        ),
        Kind(
            "animatediff_lightning_8step_diffusers.safetensors", "lightning",
            lambda: diffusers_layout(tiny.motion_weights(mid=True)),
        ),
        Kind("AnimateLCM_sd15_t2v.ckpt", "animatelcm", lambda: tiny.motion_weights(mid=True, positions=None), frames=64),
        Kind("AnimateLCM_sd15_i2v.ckpt", "animatelcm_i2v", lcm_i2v, frames=64),
        Kind("pia.ckpt", "pia", pia),
        Kind("diffusion_pytorch_model.safetensors", "v3", lambda: diffusers_layout(tiny.motion_weights())),
        Kind("motion_adapter_v1.safetensors", "v1", lambda: diffusers_layout(tiny.motion_weights(positions=24)), frames=24),
        Kind("checkpoint-step-5000.ckpt", "v3", lambda: whole_unet(prefix="module.")),
        Kind("unet_motion_model.safetensors", "v2", lambda: diffusers_layout(whole_unet(mid=True))),
        Kind("unet_motion_model_sdxl.safetensors", "sdxl", lambda: diffusers_layout(whole_unet("sdxl")), "sdxl"),
        Kind("averaged.ckpt", "v3", lambda: {**tiny.motion_weights(), **AVERAGE}),
        Kind("animatelcm_finetune.ckpt", "animatelcm", lcm_own_tables, frames=64),
        Kind("from_a_unet.safetensors", "v3", lambda: rename(tiny.motion_weights(), prefix="unet.")),
        Kind("mm_sdxl_v10_beta.ckpt", "sdxl", sdxl, "sdxl"),
        Kind("motion_adapter_sdxl.safetensors", "sdxl", lambda: diffusers_layout(sdxl()), "sdxl"),
        Kind("hsxl_temporal_layers.f16.safetensors", "hotshotxl", hotshot, "sdxl", frames=24),
        Kind("mm_sd15_v3.safetensors", "v3", lambda: tiny.motion_weights()),
        Kind("mm_sd15_v2.safetensors", "v2", lambda: tiny.motion_weights(mid=True)),
        Kind("mm_sd15_AnimateLCM.safetensors", "animatelcm", lambda: tiny.motion_weights(mid=True, positions=None), frames=64),
    )
}  # fmt: skip
