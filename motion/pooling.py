"""Adaptive average pooling for every pair of sizes on every device. Torch's own, which F.interpolate calls "area", takes
only sizes that divide each other on Apple's GPUs."""

import torch


def average_pooled(pictures: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """`pictures` (n, c, h, w) at `size` (height, width): each cell is the mean of all that it touches, as in torch."""
    height, width = size
    rows = _shares(pictures.shape[2], height).to(pictures.dtype).to(pictures.device)
    columns = _shares(pictures.shape[3], width).to(pictures.dtype).to(pictures.device)
    return rows @ pictures @ columns.T


def _shares(have: int, want: int) -> torch.Tensor:
    """The share of each of `have` cells in each of `want`, (want, have); a cell reaches from floor(i * have / want) to
    ceil((i + 1) * have / want)."""
    cells = torch.arange(want)[:, None]
    places = torch.arange(have)
    touched = ((cells * have) // want <= places) & (places < -(-(cells + 1) * have // want))
    return touched.double() / touched.sum(dim=1, keepdim=True)
