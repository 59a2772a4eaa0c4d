"""Which part of the picture a model call computes: the host cuts out the areas of regional prompts before it calls."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import comfy.conds
import torch

from ...motion.host import HostConds

AREAS = "kinema_areas"
"""Names what travels with the conditionings of a run that has areas, cut by the host as the latents are."""


@dataclass(frozen=True)
class Areas:
    """Where in the picture the conditionings of a model call are. All of them are as large as its latents."""

    whole: tuple[int, int]  # (h, w) of the whole picture, in latent pixels
    corners: tuple[tuple[int, int], ...]  # top left corner (y, x) of the area of each conditioning, in latent pixels

    def of(self, value: torch.Tensor, frames: int, size: tuple[int, int], level: int = 0) -> torch.Tensor:
        """`value` (f or 1, c, h, w or 1, 1) of whole pictures, in each of the areas of `size`, one after the other. Its
        height and width are halved `level` times, rounded up as the UNet does."""
        if value.shape[2:] == (1, 1):
            return value
        every = value.expand(frames, *value.shape[1:])
        h = ceil(size[0] / 2**level)
        w = ceil(size[1] / 2**level)
        corners = [
            (min(round(y / 2**level), every.shape[2] - h), min(round(x / 2**level), every.shape[3] - w))
            for y, x in self.corners
        ]
        return torch.cat([every[..., y : y + h, x : x + w] for y, x in corners])  # (v*f, c, h, w)


def with_areas(conds: HostConds, latents: torch.Tensor) -> HostConds:
    """`conds` (the host's lists of dicts, or None) for `latents` (f, c, h, w), which tell model calls their areas."""
    if not any("area" in cond for each in conds for cond in each or ()):
        return conds
    h, w = latents.shape[-2:]
    rows, columns = torch.arange(h).expand(w, h).T, torch.arange(w).expand(h, w)
    noted = comfy.conds.CONDNoiseShape(
        torch.stack([rows, columns, *torch.tensor([h, w]).view(2, 1, 1).expand(2, h, w)])[None]
    )
    return [
        each and [{**cond, "model_conds": {**cond["model_conds"], AREAS: noted}} for cond in each] for each in conds
    ]


def take_areas(named: dict[str, Any], latents: int) -> Areas | None:
    """The Areas of a model call of `latents` for each conditioning, several windows included, with the keyword arguments
    `named`, which lose them; None: it computes whole pictures."""
    areas = areas_of(named, latents)
    named.pop(AREAS, None)
    return areas


def areas_of(named: Mapping[str, Any], latents: int) -> Areas | None:
    """The same, which leaves `named` as it is."""
    noted = named.get(AREAS)  # (v*f, 4, h, w)
    if noted is None:
        return None
    first = noted[::latents, :, 0, 0].long().tolist()
    return Areas((first[0][2], first[0][3]), tuple((y, x) for y, x, _, _ in first))
