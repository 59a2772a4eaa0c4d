"""Tiny real controls in the host's own classes, with random weights by seed."""

from typing import Any

import comfy.cldm.cldm
import comfy.controlnet
import comfy.ops
import comfy.t2i_adapter.adapter
import tiny
import torch


def _network(**more: Any) -> Any:
    config = tiny.unet_config("sd15") | {"hint_channels": 3}
    for key in ("out_channels", "transformer_depth_output"):
        config.pop(key)
    return comfy.cldm.cldm.ControlNet(
        **config, operations=comfy.ops.manual_cast, dtype=torch.float32, device="cpu", **more
    )


HINTS = 2.0
"""Scale of the weights of the layers that read the hints: each of the eight halves what it is given, and with less the
hints would be lost in the bounds of tests."""


def _fill(network: Any, seed: int, scale: float) -> Any:
    random = tiny.generator(seed)
    weights = {
        key: tiny.randomise(tuple(weight.shape), key, random) * (HINTS if key.startswith("input_hint_block") else scale)
        for key, weight in network.state_dict().items()
    }
    network.load_state_dict(weights)
    return network


def control_net(seed: int = 0, **more: Any) -> Any:
    return comfy.controlnet.ControlNet(_fill(_network(), seed, 0.3), load_device=torch.device("cpu"), **more)


def exact(control: Any) -> Any:
    """`control`, a ControlNet, which computes in float64 from here on."""
    control.control_model.double().dtype = torch.float64
    return control


class ExactAdapter(comfy.controlnet.T2IAdapter):
    """The host's T2I-Adapter in float64: it computes in the type of the latents that it is given."""

    def get_control(self, x_noisy: torch.Tensor, *args: Any) -> Any:
        return super().get_control(x_noisy.double(), *args)

    def copy(self) -> "ExactAdapter":
        copied = ExactAdapter(self.t2i_model, self.channels_in, self.compression_ratio, self.upscale_algorithm)
        self.copy_to(copied)
        return copied


def control_lora(seed: int = 0) -> Any:
    """A Control-LoRA: only what a ControlNet has beyond the UNet; the rest is the UNet's."""
    own = ("input_hint_block", "zero_convs", "middle_block_out")
    weights = {k: v for k, v in _fill(_network(), seed, 0.3).state_dict().items() if k.startswith(own)}
    return comfy.controlnet.ControlLora(weights)


def t2i_adapter(seed: int = 0, kind: Any = comfy.controlnet.T2IAdapter) -> Any:
    network = comfy.t2i_adapter.adapter.Adapter(
        channels=list(tiny.SD15_WIDTHS), nums_rb=2, cin=64 * 3, ksize=1, sk=True, use_conv=False, xl=False
    )
    return kind(_fill(network.eval(), seed, 1.0), 3, 8, "nearest-exact", torch.device("cpu"))


KINDS = {"ControlNet": control_net, "Control-LoRA": control_lora, "T2I-Adapter": t2i_adapter}


def hints(frames: int, size: int = 32, seed: int = 1) -> torch.Tensor:
    return torch.rand(frames, 3, size, size, generator=tiny.generator(seed))


def controlled(control: Any, seed: int = 3) -> list[list[Any]]:
    """A conditioning with `control`, for cond and uncond alike."""
    return [[tiny.conditioning(seed)[0][0], {"control": control, "control_apply_to_uncond": True}]]
