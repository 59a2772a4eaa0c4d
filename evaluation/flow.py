"""Dense optical flow by coarse-to-fine iterative Lucas-Kanade, because no library that the host brings has one.

Le Besnerais & Champagnat, "Dense optical flow by iterative local window registration", ICIP 2005.
"""

import torch
import torch.nn.functional as F

WINDOW = 9
"""Pixels of the window that is matched; applied twice, so that its middle counts most."""

SMOOTHING = 5
"""Pixels over which the flow is averaged after each match: more carries it over the edges of what moves."""

WARPS = 4
"""Rounds of warping and matching on each level of the pyramid."""

SMALLEST = 16
"""The coarsest level of the pyramid keeps this many pixels on its shorter side."""

REGULAR = 0.02
"""Where a window has less texture than this, the flow stays what the coarser level said."""


def optical_flow(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The motion from `first` to `second`, pictures (b, h, w, 3) from 0 to 1, as (b, 2, h, w): x and y in pixels.

    What is at pixel p of `first` is at p + flow(p) of `second`. Changes of brightness and contrast are no motion.
    """
    pyramids = [[_texture(level) for level in _pyramid(picture.mean(dim=-1)[:, None])] for picture in (first, second)]
    flow = torch.zeros_like(pyramids[0][-1]).expand(-1, 2, -1, -1)
    for still, moved in zip(reversed(pyramids[0]), reversed(pyramids[1]), strict=True):
        h, w = still.shape[-2:]
        scale = torch.tensor([w / flow.shape[-1], h / flow.shape[-2]], device=flow.device).view(1, 2, 1, 1)
        flow = F.interpolate(flow, (h, w), mode="bilinear", align_corners=False) * scale
        for _ in range(WARPS):
            flow = _mean(flow + _match(still, warp(moved, flow)), SMOOTHING)
    return flow


def warp(picture: torch.Tensor, flow: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """`picture` (b, c, h, w) seen at p + flow(p), `flow` (b, 2, h, w) in pixels; its edge goes on outside."""
    h, w = flow.shape[-2:]
    x, y = _places(flow)
    grid = torch.stack([(2 * x.clamp(0, w - 1) + 1) / w - 1, (2 * y.clamp(0, h - 1) + 1) / h - 1], dim=-1)
    return F.grid_sample(picture, grid, mode=mode, align_corners=False)


def visible(flow: torch.Tensor, back: torch.Tensor) -> torch.Tensor:
    """Where `flow` (b, 2, h, w) leads to a place that `back` brings home again, as bool (b, h, w).

    False where a pixel is hidden in the other picture or leaves it. Sundaram, Brox & Keutzer, ECCV 2010.
    """
    returned = warp(back, flow)
    lengths = flow.square().sum(1) + returned.square().sum(1)
    home = (flow + returned).square().sum(1) < 0.01 * lengths + 0.5
    h, w = flow.shape[-2:]
    x, y = _places(flow)
    return home & (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)


def _places(flow: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Where `flow` (b, 2, h, w) leads each pixel: x and y, each (b, h, w)."""
    h, w = flow.shape[-2:]
    y = torch.arange(h, device=flow.device).view(h, 1) + flow[:, 1]
    x = torch.arange(w, device=flow.device) + flow[:, 0]
    return x, y


def _texture(grey: torch.Tensor) -> torch.Tensor:
    """Grey values (b, 1, h, w) without local mean and contrast, which flicker changes and motion does not."""
    detail = grey - _window(grey)
    return detail / (_window(detail.square()) + 1e-4).sqrt()


def _pyramid(picture: torch.Tensor) -> list[torch.Tensor]:
    levels = [picture]
    while min(levels[-1].shape[-2:]) >= 2 * SMALLEST:
        h, w = levels[-1].shape[-2:]
        levels.append(F.interpolate(levels[-1], (h // 2, w // 2), mode="bilinear", antialias=True))
    return levels


def _match(still: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
    """One Lucas-Kanade step: the flow (b, 2, h, w) that is still missing between two nearly equal pictures."""
    dy, dx = torch.gradient((still + moved) / 2, dim=(-2, -1))
    dt = moved - still
    products = torch.cat([dx * dx, dx * dy, dy * dy, dx * dt, dy * dt], dim=1)
    xx, xy, yy, xt, yt = _window(products).chunk(5, dim=1)
    xx = xx + REGULAR
    yy = yy + REGULAR
    determinant = xx * yy - xy * xy
    step = torch.cat([xy * yt - yy * xt, xy * xt - xx * yt], dim=1) / determinant
    return torch.clamp(step, -1, 1)


def _window(values: torch.Tensor) -> torch.Tensor:
    return _mean(_mean(values, WINDOW), WINDOW)


def _mean(values: torch.Tensor, size: int) -> torch.Tensor:
    """Each pixel's mean over the `size` x `size` pixels around it."""
    for window in ((size, 1), (1, size)):
        values = F.avg_pool2d(values, window, 1, (window[0] // 2, window[1] // 2), count_include_pad=False)
    return values
