"""Window Reference: later windows of a video attend to the tokens of the first one, or reuse its prediction.

The idea of attending is that of reference-only ControlNet (L. Zhang, 2023): keys and values of one picture serve another.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch

from ..call.call import QueriesKeysValues
from ..call.frames import Frames
from ..call.moment import Curve, Moment, PerFrame
from ..call.progress import Progress
from ..curves.curve import value_at
from .batches import WindowGroup

ReferenceMode = Literal["attend", "reuse"]
REFERENCE_MODES: tuple[ReferenceMode, ...] = get_args(ReferenceMode)

Run = Callable[..., list[torch.Tensor]]
"""Predicts a WindowGroup: (group, fields of the Call) -> one tensor for each conditioning."""


@dataclass(frozen=True)
class WindowReference:
    """How later windows refer to the first, frame by frame."""

    mode: ReferenceMode  # attend to its tokens, or reuse its prediction
    strength: float | Curve = 1.0  # 0..1, over frames and steps
    start_percent: float = 0.0  # fraction of the run (0..1) at which it starts
    end_percent: float = 0.25  # and at which it ends


class FirstWindow:
    """The first window of one step, and what the other windows of that step take over from it."""

    def __init__(
        self,
        references: Sequence[WindowReference],
        progress: Progress,
        size: tuple[int, int],
        replaced: Collection[tuple[Any, ...]],
    ) -> None:
        self._by_mode = {reference.mode: reference for reference in references}
        self._progress = progress
        self._size = size
        self._replaced = replaced
        self._tokens: dict[Any, torch.Tensor] = {}
        self._predicted: list[torch.Tensor] = []

    def compute(self, run: Run, group: WindowGroup) -> list[torch.Tensor]:
        """The prediction of the first window, `group`, which is kept."""
        told: dict[str, Any] = {"skips_uncond": False}  # other windows may need it
        if "attend" in self._by_mode:
            told["tokens"] = SharedTokens(self._tokens, len(group.index_list), self._replaced)
        self._predicted = run(group, **told)
        return self._predicted

    def compute_later(self, run: Run, group: WindowGroup) -> list[torch.Tensor]:
        """The prediction of other windows."""
        sources = self._sources(group)
        told = self._told(group, sources)
        if "reuse" not in self._by_mode:
            return run(group, **told)
        share = self._strength("reuse", group, self._size)
        if not isinstance(share, torch.Tensor) and share == 1:
            return [first[sources] for first in self._predicted]
        own = run(group, **told)
        return [_towards(mine, first[sources], share) for first, mine in zip(self._predicted, own, strict=True)]

    def _sources(self, group: WindowGroup) -> torch.Tensor:
        """For each latent of `group` the frame of the first window that it refers to: the one at the same place."""
        first = self._predicted[0]
        last = len(first) - 1
        places = [min(i, last) for i in range(group.frames_each)]
        return torch.tensor(places * group.count, device=first.device)

    def _told(self, group: WindowGroup, sources: torch.Tensor) -> dict[str, Any]:
        if "attend" not in self._by_mode:
            return {}
        share = self._strength("attend", group, (1, 1))
        if isinstance(share, torch.Tensor):
            share = share[:, :, 0]  # (f, 1, 1)
        elif share == 0:
            return {}
        return {"tokens": SharedTokens(self._tokens, len(sources), self._replaced, _Reading(sources, share))}

    def _strength(self, mode: ReferenceMode, group: WindowGroup, size: tuple[int, int]) -> PerFrame:
        frames = Frames(group.frames_each, tuple(group.index_list), group.total_frames)
        return value_at(self._by_mode[mode].strength, Moment(frames, size, self._progress))


@dataclass(frozen=True, eq=False)
class _Reading:
    """How later windows attend to the first."""

    sources: torch.Tensor  # (rows,): for each latent, the frame of the first window that it refers to
    strength: PerFrame  # 0..1: at 1 that frame's tokens are attended to, at 0 its own once more, which changes nothing


class SharedTokens:
    """What self-attentions saw in the first window, `tokens` (f, h*w, c) for each layer and conditioning, in a model call
    of `rows` latents for each conditioning: stored in the first window, and read in later ones as `reading` says.

    Layers that are `replaced` are left alone: functions of other nodes compute these, and they expect as many keys as
    queries.
    """

    def __init__(
        self,
        tokens: dict[Any, torch.Tensor],
        rows: int,
        replaced: Collection[tuple[Any, ...]],
        reading: _Reading | None = None,
    ) -> None:
        self._tokens = tokens
        self._rows = rows
        self._replaced = replaced
        self._reading = reading
        self._met: Counter[Any] = Counter()

    def attended(self, projected: QueriesKeysValues, options: Mapping[str, Any]) -> QueriesKeysValues:
        if options["block"] in self._replaced or (*options["block"], options["block_index"]) in self._replaced:
            return projected
        keys = projected[1]
        uuids = options["uuids"]
        if len(keys) != self._rows * len(uuids):
            raise ValueError(
                f"A node split a batch of {len(uuids)} x {self._rows} latents into batches of {len(keys)}, but Window "
                "Reference needs the complete batch. Remove the node that splits batches, or remove Window Reference."
            )
        names = [self._name(options, uuid, keys.shape[1]) for uuid in uuids]
        each = keys.chunk(len(uuids))
        if self._reading is None:
            self._tokens.update(zip(names, each, strict=True))
            return projected
        return self._extended(self._reading, projected, names, each)

    def _name(self, options: Mapping[str, Any], uuid: Any, tokens: int) -> Any:
        """Of a layer, and of a conditioning that it sees for the first, second, ... time: parts of a picture (areas) share
        the uuid of their prompt, and come in the same order in every window."""
        name = options["block"], options["block_index"], uuid, tokens
        self._met[name] += 1
        return *name, self._met[name]

    def _extended(
        self, reading: _Reading, projected: QueriesKeysValues, names: Sequence[Any], each: Sequence[torch.Tensor]
    ) -> QueriesKeysValues:
        """`projected` with as many more keys and values, from the first window."""
        queries, keys, values = projected
        sources = reading.sources.to(keys.device)
        read = [
            _towards(own, self._tokens[name].to(own.device)[sources], reading.strength)
            for name, own in zip(names, each, strict=True)
        ]
        more = torch.cat(read)
        both = torch.cat([keys, more], dim=1)  # (v*f, 2*h*w, c)
        return queries, both, both if values is keys else torch.cat([values, more], dim=1)


def _towards(own: torch.Tensor, reference: torch.Tensor, share: PerFrame) -> torch.Tensor:
    """`own`, moved towards `reference` by a `share` 0..1."""
    return own + (reference - own) * (share.to(own) if isinstance(share, torch.Tensor) else share)
