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


def cache_node(transformer_options: Mapping[str, Any]) -> str:
    """The host's node whose cache is in `transformer_options`; empty: there is none."""
    if EASYCACHE not in transformer_options:
        return ""
    return "EasyCache" if _is_easycache(transformer_options[EASYCACHE]) else "LazyCache"


def _is_easycache(state: Any) -> bool:
    """Whether `state` is EasyCache's; LazyCache, which keeps whole videos, has its own under the same key."""
    return hasattr(state, "uuid_cache_diffs")


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
        if not _is_easycache(theirs):
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
