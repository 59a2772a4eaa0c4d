"""Guidance functions of other nodes beside a cfg that varies: they expect one number for all frames."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import torch

from ..windows.batches import is_out_of_memory

Function = Callable[[dict[str, Any]], Any]
"""One of the host's pre-CFG, CFG or post-CFG functions."""

_PACKAGE = __name__.partition(".sampling.")[0]


def is_kinemas(function: Function) -> bool:
    """Whether `function` is one of this extension."""
    return function.__module__.startswith(f"{_PACKAGE}.")


def with_scale(function: Function, scale: torch.Tensor) -> Function:
    """`function` with `scale` (f, 1, h or 1, w or 1) as its cond_scale: for all frames at once, or, where it takes one
    number only, once for each number in `scale`.

    Calling it raises ValueError where it takes one number only and `scale` varies within the picture.
    """

    def scaled(args: dict[str, Any]) -> Any:
        try:
            return function({**args, "cond_scale": scale})
        except (TypeError, ValueError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            if scale[0].numel() > 1:
                logging.info("%s with a cfg over the picture:", node_of(function), exc_info=error)
                raise ValueError(
                    f"The cfg of Animation Guidance varies within the picture, but {node_of(function)} takes one cfg "
                    "for each frame. Use a curve over frames or steps as cfg, or remove one of the two nodes."
                ) from None
        numbers = scale.flatten().tolist()
        results = {number: function({**args, "cond_scale": number}) for number in set(numbers)}
        return _frame_by_frame([results[number] for number in numbers])

    return scaled


def node_of(function: Function) -> str:
    """The display name of the node whose `function` it is, or of its class where the host does not know it."""
    name: str = getattr(function, "__qualname__", type(function).__name__).partition(".")[0]
    host = sys.modules.get("nodes")  # the host's own, not the folder of this extension
    known = getattr(host, "NODE_CLASS_MAPPINGS", {})
    ids = [node_id for node_id, node in known.items() if node.__name__ == name]
    return next((getattr(host, "NODE_DISPLAY_NAME_MAPPINGS", {}).get(node_id, node_id) for node_id in ids), name)


def _frame_by_frame(results: list[Any]) -> Any:
    """Frame i of the i-th of `results`, (f, ...) each, or lists of these."""
    if isinstance(results[0], torch.Tensor):
        return torch.stack([result[frame] for frame, result in enumerate(results)])
    return [_frame_by_frame(list(each)) for each in zip(*results, strict=True)]
