"""Where motion modules belong in the host's UNet: after the last layer of each block, before an upsampler."""

from dataclasses import dataclass
from typing import Any, Literal

import comfy.supported_models
from comfy.ldm.modules.attention import SpatialTransformer
from comfy.ldm.modules.diffusionmodules.openaimodel import Downsample, ResBlock, Upsample
from torch import nn

from ...motion.host import HostModel, HostNetwork


@dataclass(frozen=True)
class Slot:
    """A layer of the UNet whose output a motion module takes in."""

    layer: nn.Module  # the last layer of a block of the UNet, before any upsampler
    width: int  # channels of its output


def find_slots(unet: Any) -> dict[str, Slot]:
    """The slots of a host UNetModel, or of a ControlNet for one, by the place names of the published key layout. Empty for
    any other network."""
    if not hasattr(unet, "input_blocks"):
        return {}
    slots: dict[str, Slot] = {}
    level = index = 0
    for block in list(unet.input_blocks)[1:]:  # the first holds conv_in only
        if isinstance(block[0], Downsample):
            level, index = level + 1, 0
            continue
        slots[f"down_blocks.{level}.motion_modules.{index}"] = _slot(block[-1])
        index += 1
    if unet.middle_block is not None and len(unet.middle_block) == 3:
        slots["mid_block.motion_modules.0"] = _slot(unet.middle_block[1])
    level = index = 0
    for block in getattr(unet, "output_blocks", ()):  # a ControlNet has none
        layers = [layer for layer in block if not isinstance(layer, Upsample)]
        slots[f"up_blocks.{level}.motion_modules.{index}"] = _slot(layers[-1])
        index += 1
        if len(layers) < len(block):
            level, index = level + 1, 0
    return slots


def first_layer(unet: Any) -> nn.Module:
    """The layer of a host UNetModel that takes in the latents."""
    layer: nn.Module = unet.input_blocks[0][0]
    return layer


def find_norms(unet: Any, kind: Literal["resnet", "spatial"]) -> list[nn.Module]:
    """The GroupNorms of the UNet's residual blocks and its output, or those of its spatial transformers."""
    if kind == "spatial":
        return [module.norm for module in unet.modules() if isinstance(module, SpatialTransformer)]
    blocks = [module for module in unet.modules() if isinstance(module, ResBlock)]
    return [unet.out[0], *(norm for block in blocks for norm in (block.in_layers[0], block.out_layers[0]))]


_BASES = {
    "SD1.5": comfy.supported_models.SD15,
    "SDXL": comfy.supported_models.SDXL,
    "SD2": comfy.supported_models.SD20,
    "Stable Video Diffusion": comfy.supported_models.SVD_img2vid,
}


def base_name(model: HostModel) -> str:
    """What people call the kind of `model` (MODEL): "SD1.5", "SDXL", or the host's own name for it."""
    return network_name(model.model)


def network_name(network: HostNetwork) -> str:
    """The same for the network of a MODEL. The host's variants of a base, such as pruned or instruction-tuned ones, are
    subclasses of it."""
    config = network.model_config
    for name, kind in _BASES.items():
        if isinstance(config, kind):
            return name
    return type(config).__name__


def _slot(layer: Any) -> Slot:
    return Slot(layer, layer.in_channels if isinstance(layer, SpatialTransformer) else layer.out_channels)
