"""First-frame attention: every frame looks at frame 0 instead of itself, so that things keep their appearance.

Khachatryan et al., "Text2Video-Zero" (2023), section 3.3.2, equation 9, "cross-frame attention".
"""

from collections.abc import Mapping
from typing import Any

import torch
from comfy.patcher_extension import WrappersMP

from ..call.frames import note_frames, noted_frames
from ..call.slots import base_name, find_slots

KEY = "kinema_first_frame"


def attend_first_frame(model: Any) -> Any:
    """A clone of `model` (MODEL) in which all self-attention takes keys and values from the first frame.

    Where a call holds several videos (positive and negative prompt), each has its own first frame, and so has each
    context window. Raises ValueError when `model` has no UNet.
    """
    if not find_slots(model.model.diffusion_model):
        raise ValueError(
            f"First-frame attention acts in a UNet, but the connected MODEL is {base_name(model)}, which has none. "
            "Use an SD1.5 or SDXL checkpoint."
        )
    attending = model.clone()
    attending.set_model_attn1_patch(_first_frame_only)
    attending.remove_wrappers_with_key(WrappersMP.CALC_COND_BATCH, KEY)
    attending.add_wrapper_with_key(WrappersMP.CALC_COND_BATCH, KEY, note_frames)
    return attending


def _first_frame_only(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, options: Mapping[str, Any]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """attn1_patch: what the layer will project to queries, keys and values, each (v*f, h*w, c)."""
    frames = noted_frames(queries.shape[0], options).count
    return queries, _repeat_first(keys, frames), _repeat_first(values, frames)


def _repeat_first(tokens: torch.Tensor, frames: int) -> torch.Tensor:
    videos = tokens.reshape(-1, frames, *tokens.shape[1:])  # (v, f, h*w, c)
    return videos[:, :1].expand_as(videos).reshape(tokens.shape)
