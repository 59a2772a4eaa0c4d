"""The part of the conditioning that belongs to a window: whatever is indexed by frame is cut, the rest is shared."""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import comfy.conds
import torch
from comfy.utils import repeat_to_batch_size

Take = Callable[[torch.Tensor], torch.Tensor]
"""Gives the window's rows of a tensor whose first dimension is the frames, over and over where it has fewer rows."""


def window_cond(cond: dict[str, Any], take: Take, frames: int) -> dict[str, Any]:
    """`cond`, one of the host's conditionings for a video of `frames` latents, as the window sees it."""
    return {key: _part(key, value, take, frames) for key, value in cond.items()}


def repeat_masks(conds: Iterable[Any], frames: int) -> None:
    """Changes the host's lists of conditionings for a video of `frames`: masks of another number count as repeated from the
    first. The host repeats them only where that fills the video exactly, and fails otherwise."""
    for cond in chain.from_iterable(each or () for each in conds):
        mask = cond.get("mask")
        if isinstance(mask, torch.Tensor) and mask.ndim == 3 and 1 < mask.shape[0] < frames:
            cond["mask"] = repeat_to_batch_size(mask, frames)


def _part(key: str, value: Any, take: Take, frames: int) -> Any:
    if isinstance(value, dict):
        return {inner: _part(inner, item, take, frames) for inner, item in value.items()}
    if isinstance(value, comfy.conds.CONDList):
        return value._copy_with([_taken(item, take) for item in value.cond])
    if isinstance(value, comfy.conds.CONDRegular) and not isinstance(value, comfy.conds.CONDConstant):
        return value._copy_with(_taken(value.cond, take))
    if not isinstance(value, torch.Tensor) or value.ndim == 0:
        return value
    if key == "mask":
        return _taken(value, take)
    return take(value) if value.shape[0] == frames else value


def _taken(value: Any, take: Take) -> Any:
    """What the host would repeat to one row per frame is cut as if it were repeated to all frames."""
    if not isinstance(value, torch.Tensor) or value.ndim == 0 or value.shape[0] == 1:
        return value
    return take(value)
