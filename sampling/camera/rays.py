"""The rays of a camera, as CameraCtrl takes them: Plücker coordinates of the line through each pixel.

He et al., "CameraCtrl", section 3.2; sizes and pixel centres are those of the published code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ...motion.camera_layers import PIXELS_A_SIDE
from .track import Array

SOURCE_ASPECT = 1280 / 720
"""Width / height of the pictures that lenses are given for."""


@dataclass(frozen=True)
class PictureCut:
    """The part of a picture that a model call computes, in latents."""

    whole: tuple[int, int]  # (h, w) of the picture
    corner: tuple[int, int]  # (y, x) of the part
    size: tuple[int, int]  # (h, w) of the part


def rays_of(places: Array, lenses: Array, cut: PictureCut, device: torch.device) -> Iterator[torch.Tensor]:
    """The rays (6, H, W) of each frame, with H and W in pixels: the moment o × d and the direction d, of length 1.

    `places` (n, 4, 4) are from the camera to the axes in which the rays are given, `lenses` (n, 4) as in a Track.
    """
    for place, lens in zip(places, lenses, strict=True):
        directions = _directions(_lens(lens, cut), cut, device) @ _tensor(place[:3, :3], device).T
        origin = _tensor(place[:3, 3], device).expand_as(directions)
        moments = torch.linalg.cross(origin, directions, dim=-1)  # the axis is named: a size may be 3 as well
        yield torch.cat([moments, directions], dim=-1).permute(2, 0, 1)  # (6, H, W)


def in_pixels(lens: Sequence[float], height: int, width: int) -> tuple[float, ...]:
    """Focal lengths and centre of `lens` in pixels of a picture of this size, which shows what the source did, cut to its
    shape."""
    fx, fy, cx, cy = lens
    if width / height < SOURCE_ASPECT:
        fx = fx * height * SOURCE_ASPECT / width
    else:
        fy = fy * width / SOURCE_ASPECT / height
    return fx * width, fy * height, cx * width, cy * height


def _lens(lens: Array, cut: PictureCut) -> tuple[float, ...]:
    return in_pixels(lens.tolist(), PIXELS_A_SIDE * cut.whole[0], PIXELS_A_SIDE * cut.whole[1])


def _directions(lens: tuple[float, ...], cut: PictureCut, device: torch.device) -> torch.Tensor:
    """The directions (H, W, 3) through the pixels of `cut` in the axes of the camera, of length 1."""
    (y, x), (h, w) = cut.corner, cut.size
    fx, fy, cx, cy = lens
    rows = (torch.arange(PIXELS_A_SIDE * y, PIXELS_A_SIDE * (y + h), device=device) + 0.5 - cy) / fy
    columns = (torch.arange(PIXELS_A_SIDE * x, PIXELS_A_SIDE * (x + w), device=device) + 0.5 - cx) / fx
    down, right = torch.meshgrid(rows, columns, indexing="ij")
    directions = torch.stack([right, down, torch.ones_like(right)], dim=-1)
    return F.normalize(directions, dim=-1)


def _tensor(array: Array, device: torch.device) -> torch.Tensor:
    return torch.tensor(array, dtype=torch.float32, device=device)
