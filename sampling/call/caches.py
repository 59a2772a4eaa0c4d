"""What EasyCache of the host keeps from one step for the next: apart for each window and each extra pass, because it counts
on all model calls of a conditioning computing the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...motion.host import HostSampling

EASYCACHE = "easycache"
"""The key of its state in the host's `transformer_options`."""


def uncached(transformer_options: Mapping[str, Any]) -> dict[str, Any]:
    """`transformer_options` for a model call that EasyCache neither skips nor takes note of."""
    wrappers = {
        kind: {key: functions for key, functions in by_key.items() if key != EASYCACHE}
        for kind, by_key in transformer_options.get("wrappers", {}).items()
    }
    return {**transformer_options, "wrappers": wrappers}


@dataclass(frozen=True)
class Which:
    """Which model calls belong together."""

    extra: str = ""  # the extra pass of a guidance that they belong to, if any
    frames: tuple[int, ...] = ()  # of their window, if there are windows


class Caches:
    """The states of a run. Those that a step did not use are dropped."""

    def __init__(self) -> None:
        self._sigma: float | None = None
        self._now: dict[Which, Any] = {}
        self._before: dict[Which, Any] = {}

    def kept_apart(
        self, which: Which, sigma: Any, model_sampling: HostSampling, transformer_options: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """`transformer_options` for the model calls of `which` at noise level `sigma`. The first window has the host's own
        state, which counts the steps that are skipped."""
        theirs: Any = transformer_options.get(EASYCACHE)
        if not hasattr(theirs, "uuid_cache_diffs"):  # LazyCache keeps whole videos
            return transformer_options
        if float(sigma) != self._sigma:
            self._sigma = float(sigma)
            self._before = self._now
            self._now = {}
        if which not in self._now:
            is_first = not which.extra and not self._now and not self._before
            known = self._before.get(which, theirs if is_first else None)
            self._now[which] = theirs.clone().prepare_timesteps(model_sampling) if known is None else known
        return {**transformer_options, EASYCACHE: self._now[which]}
