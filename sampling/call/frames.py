"""Which frames of the video one model call computes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

FRAMES = "kinema_frames"
"""Key in `transformer_options` under which `note_frames` leaves the Frames of the call."""


@dataclass(frozen=True)
class Frames:
    """The latents of a model call: how many the motion model sees together (`count`), the places of all of them in the
    whole video (`indices`; several times `count` when several windows share the call), and its length `total`."""

    count: int
    indices: tuple[int, ...]
    total: int


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


def ad_params(frames: Frames, windowed: bool) -> dict[str, Any]:
    """The window in the words that packs for AnimateDiff read from `transformer_options["ad_params"]`: which frames the
    batch holds (None: all of them), how long a window and the whole video are."""
    sub_idxs = list(frames.indices) if windowed else None
    return {"full_length": frames.total, "context_length": frames.count, "sub_idxs": sub_idxs}


def note_frames(executor: Any, model: Any, conds: Any, latents: torch.Tensor, timestep: Any, model_options: Any) -> Any:
    """CALC_COND_BATCH wrapper. Here the latents are one video still; later the host, or a node that splits batches,
    may put any number of conditionings into one call, so this is the place to count frames."""
    options = model_options.get("transformer_options", {})
    frames = frames_of(latents, options)
    told = ad_params(frames, options.get("context_window") is not None)
    noted = {**options, FRAMES: frames, "ad_params": told}
    return executor(model, conds, latents, timestep, {**model_options, "transformer_options": noted})


def noted_frames(batch: int, transformer_options: Mapping[str, Any]) -> Frames:
    """The Frames of a model call whose batch has `batch` latents.

    Raises ValueError when the batch is not a whole number of videos.
    """
    frames: Frames | None = transformer_options.get(FRAMES)
    if frames is None:  # a sampler that bypasses the host's batching
        count = batch // len(transformer_options.get("cond_or_uncond", [0]))
        frames = Frames(count, tuple(range(count)), count)
    if batch % frames.count:
        raise ValueError(
            f"A node split the {frames.count} frames of the animation into batches of {batch}, and a motion model must "
            "see all frames at once. Remove the node that splits batches, or use Context Windows."
        )
    return frames
