"""What is computed once in a run and used by many of its model calls."""

from collections.abc import Callable, Hashable, Sequence

import comfy.model_management
import torch

PART_OF_MEMORY = 10
"""Kept is no more than this fraction of the device's memory: there it is in addition to what the host counts."""


class Kept:
    """Tensors of a run, on the device where they are used. When there is no room for more, the oldest go."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most  # bytes; None: the part of the device's memory
        self._known: dict[Hashable, Sequence[torch.Tensor]] = {}

    def of(self, key: Hashable, make: Callable[[], Sequence[torch.Tensor]]) -> Sequence[torch.Tensor]:
        """What `make` gave for `key`, which contains all that it depends on; what is larger than all room is not kept."""
        known = self._known.pop(key, None)
        tensors = make() if known is None else known
        most = self._room(tensors[0].device)
        self._known[key] = tensors  # the last in the order is the one used last
        for old in list(self._known):
            if self.size <= most:
                break
            self._known.pop(old, None)  # a second GPU has its own thread
        return tensors

    @property
    def size(self) -> int:
        """Bytes of all that is kept."""
        return sum(tensor.nbytes for tensors in list(self._known.values()) for tensor in tensors)

    def _room(self, device: torch.device) -> int:
        if self._most is not None:
            return self._most
        return int(comfy.model_management.get_total_memory(device)) // PART_OF_MEMORY
