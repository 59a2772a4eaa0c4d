"""The host's CONDITIONING as what the UNet takes in."""

from collections.abc import Sequence
from typing import Any

import torch
from comfy.sampler_helpers import convert_cond
from comfy.samplers import encode_model_conds

from ..motion.host import HostNetwork
from .on_disk import StoredCaption

ARGUMENTS = {"c_crossattn": "context", "y": "y"}


def prepare(base: HostNetwork, conditioning: Any, shape: tuple[int, int, int, int]) -> dict[str, Any]:
    """The host's COND values of one caption for `base` and latents of `shape` (f, c, h, w)."""
    check_caption(conditioning)
    if base.concat_keys:
        raise ValueError(_needs_more("a masked picture, as inpainting models do,"))
    cpu = torch.device("cpu")
    values = encode_model_conds(base.extra_conds, convert_cond(conditioning), torch.zeros(shape), cpu, "positive")
    conds: dict[str, Any] = values[0]["model_conds"]
    if unknown := conds.keys() - ARGUMENTS.keys():
        raise ValueError(_needs_more(f'"{sorted(unknown)[0]}"'))
    return conds


def check_caption(conditioning: Any) -> None:
    """Raises ValueError unless it is one prompt. A StoredCaption always is."""
    if not isinstance(conditioning, StoredCaption) and len(conditioning) != 1:
        raise ValueError(
            f"A caption must be one conditioning, but it is a list of length {len(conditioning)}. Use one CLIP Text Encode, "
            "without areas or schedules."
        )


def _needs_more(what: str) -> str:
    return (
        f"The connected MODEL also needs {what} but clips have none. Train with an ordinary SD1.5 or SDXL checkpoint; "
        "the motion model then works with other checkpoints too."
    )


def unet_arguments(
    conds: Sequence[dict[str, Any]], frames: int, device: torch.device, dtype: torch.dtype
) -> dict[str, Any]:
    """Keyword arguments of the UNet for a batch of videos, one entry of `conds` each: tensors of v*frames rows."""
    arguments = {}
    for name in conds[0]:
        processed = [cond[name].process_cond(batch_size=frames, area=None) for cond in conds]
        first, *others = processed
        rows = first.concat(others) if others else first.cond
        arguments[ARGUMENTS[name]] = rows.to(device, dtype, copy=True)  # nodes made it in inference mode
    return arguments
