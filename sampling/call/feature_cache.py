"""What networks make of pictures, kept for the later steps of a run."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from threading import Lock

import torch

MOST_BYTES = 512 * 2**20
"""Room for about 100 frames of 512² pixels, through the encoder of AnimateLCM-I2V in half precision."""

Features = tuple[torch.Tensor, ...]


class FeatureCache:
    """Features by key. Where they are more than `most` bytes, the oldest are dropped. Several devices may use it at once."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[Hashable, Features] = OrderedDict()
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        return self._bytes

    def get(self, key: Hashable) -> Features | None:
        return self._kept.get(key)

    def keep(self, key: Hashable, features: Features) -> None:
        """Keeps `features`, tensors with memory of their own, under `key`, which was not there."""
        with self._lock:
            self._kept[key] = features
            self._bytes += _size(features)
            while self._bytes > self._most:
                self._bytes -= _size(self._kept.popitem(last=False)[1])


def _size(features: Sequence[torch.Tensor]) -> int:
    return sum(feature.nbytes for feature in features)
