"""What networks make of pictures, kept for the later steps of a run."""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from threading import Lock

import torch

MOST_BYTES = 512 * 2**20
"""Room for about 100 frames of 512² pixels, through the encoder of AnimateLCM-I2V in half precision."""

Features = tuple[torch.Tensor, ...]


@dataclass
class _Kept:
    """Features in the cache."""

    features: Features  # with memory of their own
    used: int  # the pass that last asked for them


class FeatureCache:
    """Features by key, of at most `most` bytes. Several devices may use it at once.

    Every step asks for the same features in the same order. If the oldest were dropped for new ones, a video that does not
    fit would find none: each would be dropped just before it is needed again. So what is there stays, and new features are
    kept only in place of those that a whole pass did not need.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._pass = 0
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()  # the one that was asked for last is the last
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        return self._bytes

    def next_pass(self) -> None:
        """Another prediction of the whole video begins."""
        self._pass += 1

    def get(self, key: Hashable) -> Features | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            kept.used = self._pass
            self._kept.move_to_end(key)
            return kept.features

    def keep(self, key: Hashable, features: Features) -> None:
        """Keeps `features`, tensors with memory of their own, under `key`, which was not there, if there is room for them."""
        size = _size(features)
        with self._lock:
            while self._bytes + size > self._most and self._drop_stale():
                pass
            if self._bytes + size <= self._most:
                self._kept[key] = _Kept(features, self._pass)
                self._bytes += size

    def _drop_stale(self) -> bool:
        """Drops the features that were not asked for for the longest time; False: the last whole pass needed all."""
        oldest = next(iter(self._kept), None)
        if oldest is None or self._kept[oldest].used >= self._pass - 1:
            return False
        self._bytes -= _size(self._kept.pop(oldest).features)
        return True


def _size(features: Sequence[torch.Tensor]) -> int:
    return sum(feature.nbytes for feature in features)
