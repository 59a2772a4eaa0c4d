"""First-frame attention: every frame attends to frame 0 instead of itself, so that things keep their appearance.

Khachatryan et al., "Text2Video-Zero" (2023), section 3.3.2, equation 9, "cross-frame attention".
"""

from collections.abc import Mapping
from typing import Any

import torch

from ..call.call import QueriesKeysValues, frames_in


def attending_first_frame(projected: QueriesKeysValues, options: Mapping[str, Any]) -> QueriesKeysValues:
    """What a self-attention projects, with keys and values of the first frame for all frames.

    Where a call holds several videos (positive and negative prompt), each has its own first frame, and so has each
    context window.
    """
    queries, keys, values = projected
    frames = frames_in(queries.shape[0], options).count
    return queries, _repeat_first(keys, frames), _repeat_first(values, frames)


def _repeat_first(tokens: torch.Tensor, frames: int) -> torch.Tensor:
    videos = tokens.reshape(-1, frames, *tokens.shape[1:])  # (v, f, h*w, c)
    return videos[:, :1].expand_as(videos).reshape(tokens.shape)
