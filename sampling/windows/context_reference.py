"""Context reference: later windows of a video look at the first one in every self-attention of the UNet.

The idea is that of reference-only ControlNet (L. Zhang, 2023): keys and values of one picture serve another.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

BANK = "kinema_reference_bank"
"""Key in `transformer_options` under which a model call finds the Page that it writes or reads."""


Bank = dict[Any, torch.Tensor]
"""What the self-attentions of the first window saw at one step, tokens (f, h*w, c) by their Page.name."""


@dataclass(frozen=True)
class Page:
    """The bank for a model call of `rows` latents for each conditioning: it writes, or each of them reads the frame of the
    bank that `sources` (rows,) says, with a `strength`, a number or (rows, 1, 1). Layers that are `replaced` are left
    alone: functions of other nodes compute these, and they expect as many keys as queries."""

    bank: Bank
    rows: int
    replaced: Collection[tuple[Any, ...]] = ()
    sources: torch.Tensor | None = None
    strength: float | torch.Tensor = 1.0
    _met: Counter[Any] = field(default_factory=Counter)

    def leaves(self, options: Mapping[str, Any]) -> bool:
        block = options["block"]
        return block in self.replaced or (*block, options["block_index"]) in self.replaced

    def name(self, options: Mapping[str, Any], uuid: Any, tokens: int) -> Any:
        """Of a layer and a conditioning that it sees for the first, second, ... time: parts of a picture (areas) share
        the uuid of their prompt, and come in the same order in every window."""
        name = options["block"], options["block_index"], uuid, tokens
        self._met[name] += 1
        return *name, self._met[name]


def attend(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, options: Mapping[str, Any]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """attn1_patch: what a layer will project, each (v*f, h*w, c), for v conditionings.

    Frames of later windows attend to their own tokens and to as many more: at strength 1 those of the first window, at 0
    their own once more, which leaves attention as it is.
    """
    page: Page | None = options.get(BANK)
    if page is None or page.leaves(options):
        return queries, keys, values
    uuids = options["uuids"]
    if len(keys) != page.rows * len(uuids):
        raise ValueError(
            f"A node made batches of {len(keys)} out of {len(uuids)} x {page.rows} latents, and Window Reference needs them "
            "whole. Remove the node that splits batches, or Window Reference."
        )
    names, each = [page.name(options, uuid, keys.shape[1]) for uuid in uuids], keys.chunk(len(uuids))
    if page.sources is None:
        page.bank.update(zip(names, each, strict=True))
        return queries, keys, values
    more = [_towards(own, page.bank[name][page.sources], page.strength) for name, own in zip(names, each, strict=True)]
    both = torch.cat([keys, torch.cat(more)], dim=1)  # (v*f, 2*h*w, c)
    return queries, both, both if values is keys else torch.cat([values, torch.cat(more)], dim=1)


def _towards(own: torch.Tensor, reference: torch.Tensor, strength: float | torch.Tensor) -> torch.Tensor:
    share = strength.to(own) if isinstance(strength, torch.Tensor) else strength
    return own + (reference - own) * share
