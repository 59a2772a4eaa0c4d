"""The number format that a run computes in; weights being trained are float32 in any case."""

import comfy.model_management
import torch

from ..motion.host import HostNetwork
from .config import Precision

FORMATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def compute_dtype(precision: Precision, base: HostNetwork, device: torch.device) -> torch.dtype:
    """float32, or the type that torch.autocast uses around the UNet `base`.

    "automatic" is float32 for a float32 UNet, else bfloat16 where the device has it, else float16. Raises ValueError
    for float32 with a UNet whose weights are of another type.
    """
    has = base.get_dtype_inference()
    if precision == "automatic":
        if has == torch.float32:
            return torch.float32
        return torch.bfloat16 if comfy.model_management.should_use_bf16(device) else torch.float16
    if precision == "fp32" and has != torch.float32:
        name = str(has).removeprefix("torch.")
        raise ValueError(
            f"precision is fp32, but the connected MODEL computes in {name}. Start ComfyUI with --force-fp32, or set "
            "precision to automatic."
        )
    return FORMATS[precision]
