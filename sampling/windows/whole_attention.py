"""Self-Attention Guidance of the host in windows.

It keeps what a self-attention of the UNet saw of the negative prompt in the last model call, and takes it for that of the
whole video.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch

WATCHED = ("middle", 0, 0)
"""The self-attention that Self-Attention Guidance watches, in the host's terms."""
NEGATIVE = 1
"""The negative prompt among the conditionings of a model call."""


class WholeAttention:
    """Shows the whole video to the function of Self-Attention Guidance, which otherwise knows the last window only."""

    def __init__(self, function: Callable[..., torch.Tensor], frames: int) -> None:
        self._function = function
        self._frames = frames
        self._options: dict[str, Any] = {}  # of the last model call
        self._sums: list[torch.Tensor] = []  # queries and keys, each (f, h*w, c), over the windows of a frame
        self._counts = torch.zeros(frames)  # the windows of each frame

    @classmethod
    def of(cls, options: Mapping[str, Any], frames: int) -> "WholeAttention | None":
        """For the host's `transformer_options` and a video of `frames`; None where no such node is on the MODEL."""
        function = options.get("patches_replace", {}).get("attn1", {}).get(WATCHED)
        name = getattr(function, "__qualname__", "")
        return cls(function, frames) if name.startswith("SelfAttentionGuidance.") else None

    def watched(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """`options` (transformer_options) whose model calls are noted."""
        replace = options["patches_replace"]
        attn1 = {**replace["attn1"], WATCHED: self._attend}
        return {**options, "patches_replace": {**replace, "attn1": attn1}}

    def show(self) -> None:
        """Has the function compute the self-attention once more, for all frames; what a frame's windows saw is averaged."""
        if not self._sums:  # there is no negative prompt in this pass
            return
        counts = self._counts.clamp(min=1).view(-1, 1, 1)
        queries, keys = self._sums
        queries = queries / counts.to(queries)
        keys = keys / counts.to(keys)
        self._function(queries, keys, keys, {**self._options, "cond_or_uncond": [NEGATIVE]})

    def _attend(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, options: dict[str, Any]
    ) -> torch.Tensor:
        """The host's attn1_replace."""
        kinds = options["cond_or_uncond"]
        if NEGATIVE in kinds:
            place = kinds.index(NEGATIVE)
            seen = [tokens.chunk(len(kinds))[place] for tokens in (queries, keys)]
            self._note(seen, options["context_window"].index_list)
            self._options = options
        return self._function(queries, keys, values, options)

    def _note(self, seen: list[torch.Tensor], frames: list[int]) -> None:
        if not self._sums:
            self._sums = [tokens.new_zeros(self._frames, *tokens.shape[1:]) for tokens in seen]
        for whole, tokens in zip(self._sums, seen, strict=True):
            whole.index_add_(0, torch.tensor(frames, device=whole.device), tokens)
        self._counts.index_add_(0, torch.tensor(frames), torch.ones(len(frames)))
