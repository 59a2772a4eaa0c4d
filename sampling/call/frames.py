"""Which frames of the video one model call computes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Frames:
    """The latents of a model call."""

    count: int  # frames that the motion model sees together
    indices: tuple[int, ...]  # their places in the whole video; several times `count` for several windows in the call
    total: int  # frames of the whole video


def frames_of(latents: torch.Tensor, transformer_options: Mapping[str, Any]) -> Frames:
    """The frames in `latents` (f, c, h, w), by the context window that the host is in."""
    count = latents.shape[0]
    window = transformer_options.get("context_window")
    if window is None:
        return Frames(count, tuple(range(count)), count)
    indices = tuple(window.index_list)
    anchor = getattr(window, "causal_anchor_index", None)
    if anchor is not None and len(indices) < count:  # the host can put one earlier frame before a window
        indices = (anchor, *indices)
    return Frames(getattr(window, "frames_each", count), indices, window.total_frames)


def levels_of(transformer_options: Mapping[str, Any]) -> tuple[float, ...]:
    """The noise level of each latent of a model call, where they differ; empty where the call has one level."""
    levels: tuple[float, ...] = getattr(transformer_options.get("context_window"), "levels", ())
    return levels


def ad_params(frames: Frames, windowed: bool) -> dict[str, Any]:
    """The window in the words that packs for AnimateDiff read from `transformer_options["ad_params"]`: which frames the
    batch holds (None: all of them), how long a window and the whole video are."""
    sub_idxs = list(frames.indices) if windowed else None
    return {"full_length": frames.total, "context_length": frames.count, "sub_idxs": sub_idxs}
