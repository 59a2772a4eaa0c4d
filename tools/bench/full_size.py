"""SD1.5 and AnimateDiff v2 at full size with random weights, in the host's and in diffusers' classes, sharing memory."""

from collections.abc import Callable
from typing import Any, TypeVar

import comfy.model_base
import comfy.ops
import comfy.supported_models
import comfy.utils
import diffusers
import torch
from torch import nn

from kinema.motion.families import FAMILIES
from kinema.motion.keys import place_of
from kinema.motion.layers import MotionModel
from kinema.motion.save import unfuse
from kinema.motion.spec import MotionSpec

Filled = TypeVar("Filled", bound=nn.Module)

WIDTHS = (320, 640, 1280, 1280)
CONFIG = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "num_res_blocks": [2, 2, 2, 2],
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0], "channel_mult": (1, 2, 4, 4), "transformer_depth_middle": 1,
    "use_linear_in_transformer": False, "context_dim": 768, "num_heads": 8, "num_head_channels": -1,
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0], "use_spatial_transformer": True, "legacy": False,
    "adm_in_channels": None, "use_temporal_attention": False,
}  # fmt: skip


def device_and_dtype() -> tuple[torch.device, torch.dtype]:
    cuda = torch.cuda.is_available()
    return torch.device("cuda" if cuda else "cpu"), torch.float16 if cuda else torch.float32


def unet() -> Any:
    device, dtype = device_and_dtype()
    config = comfy.supported_models.SD15(CONFIG | {"dtype": dtype})
    return fill(comfy.model_base.BaseModel(config, device=device).diffusion_model.to(device, dtype)).eval()


def motion_model(family: str = "v2") -> MotionModel:
    device, dtype = device_and_dtype()
    places = {f"down_blocks.{i}.motion_modules.{j}": w for i, w in enumerate(WIDTHS) for j in range(2)}
    places |= {"mid_block.motion_modules.0": 1280} if family == "v2" else {}
    places |= {f"up_blocks.{i}.motion_modules.{j}": w for i, w in enumerate(reversed(WIDTHS)) for j in range(3)}
    spec = MotionSpec(FAMILIES[family], tuple(places.items()), 32)
    model = MotionModel(spec, comfy.ops.manual_cast, device=device, dtype=dtype)
    return fill(model.to(device)).eval()


def fill(module: Filled) -> Filled:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0, 0.02)
    return module


def diffusers_unet(host: Any, motion: MotionModel) -> nn.Module:
    """diffusers' UNetMotionModel on the very same weights."""
    device, _ = device_and_dtype()
    with torch.device("meta"):
        model = diffusers.UNetMotionModel(
            cross_attention_dim=768,
            num_attention_heads=8,
            motion_num_attention_heads=8,
            use_motion_mid_block=motion.spec.has_mid,
        )
    names = comfy.utils.unet_to_diffusers(CONFIG)
    state = host.state_dict()
    weights = {theirs: state[ours] for theirs, ours in names.items() if ours in state}
    weights |= {_diffusers_key(name): weight for name, weight in unfuse(motion.state_dict()).items()}
    for name, _ in motion.spec.modules:
        table = motion.get_buffer(f"{name}.transformer_blocks.0.attention_blocks.0.positions")
        weights[f"{name}.transformer_blocks.0.pos_embed.pe"] = table[None].to(device)
    model.load_state_dict(weights, assign=True)
    theirs: nn.Module = model.eval()
    return theirs


def diffusers_modules(theirs: nn.Module) -> list[nn.Module]:
    """The motion modules of a UNetMotionModel."""
    from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

    return [module for module in theirs.modules() if isinstance(module, AnimateDiffTransformer3D)]


def _diffusers_key(name: str) -> str:
    place = place_of(name)
    rest = name.removeprefix(place)
    for ours, theirs in (
        (".attention_blocks.0", ".attn1"), (".attention_blocks.1", ".attn2"), (".norms.0", ".norm1"),
        (".norms.1", ".norm2"), (".ff_norm", ".norm3"),
    ):  # fmt: skip
        rest = rest.replace(ours, theirs)
    return place + rest


def inputs(frames: int, size: int, videos: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Latents (v*f, 4, size/8, size/8), timesteps (v*f) and text (v*f, 77, 768), for cond and uncond."""
    device, dtype = device_and_dtype()
    batch = videos * frames
    x = torch.randn(batch, 4, size // 8, size // 8, device=device, dtype=dtype)
    return x, torch.full((batch,), 321.0, device=device), torch.randn(batch, 77, 768, device=device, dtype=dtype)


def flops(thing: Callable[[], object]) -> int:
    from torch.utils.flop_counter import FlopCounterMode, sdpa_flop

    on_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    counted = {on_cpu: lambda q, k, v, *args, **kwargs: sdpa_flop(q, k, v)}
    with FlopCounterMode(display=False, custom_mapping=counted) as counter:
        thing()
    return int(counter.get_total_flops())
