"""A picture as a camera on a path would see it, if the picture were flat and stood before its first frame.

The homography of a plane: Hartley and Zisserman, "Multiple View Geometry in Computer Vision", equation 13.2.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from .rays import in_pixels
from .track import Array, Track


@dataclass(frozen=True)
class MovedPicture:
    """What the camera sees in each frame."""

    frames: torch.Tensor  # (f, H, W, 3), black where the picture ends
    behind: tuple[int, ...]  # the frames in which the camera has reached the picture; they are black


def moved_picture(picture: torch.Tensor, track: Track, distance: float) -> MovedPicture:
    """`picture` (H, W, 3), `distance` units before the first camera of `track`, in all of its frames."""
    height, width = picture.shape[:2]
    homographies, reached = _homographies(track, distance, height, width)
    places = _places(np.linalg.inv(homographies), height, width, picture)
    source = picture.movedim(-1, 0).expand(len(track), -1, -1, -1)  # (f, 3, H, W)
    frames = F.grid_sample(source, places, padding_mode="zeros", align_corners=False).movedim(1, -1)
    frames[reached] = 0
    return MovedPicture(frames, tuple(np.flatnonzero(reached).tolist()))


def _homographies(track: Track, distance: float, height: int, width: int) -> tuple[Array, Array]:
    """From pixels of the picture to those of each frame, (f, 3, 3), and where there is none because the camera has reached
    the picture, (f,)."""
    places = track.places()
    reached = places[:, 2, 3] >= distance * (1 - 1e-6)
    seen = np.linalg.inv(np.where(reached[:, None, None], np.eye(4), places))  # from the first camera to each
    lenses = np.stack([_matrix(lens, height, width) for lens in track.lenses()])
    plane = seen[:, :3, :3].copy()
    plane[:, :, 2] += seen[:, :3, 3] / distance  # R + t·transpose(n) / d, n along the first view
    return lenses @ plane @ np.linalg.inv(lenses[0]), reached


def _matrix(lens: Array, height: int, width: int) -> Array:
    fx, fy, cx, cy = in_pixels(lens.tolist(), height, width)
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def _places(backward: Array, height: int, width: int, like: torch.Tensor) -> torch.Tensor:
    """Where in the picture each pixel of each frame lies, (f, H, W, 2) from -1 to 1, by `backward` homographies."""
    rows = torch.arange(height) + 0.5
    columns = torch.arange(width) + 0.5
    down, right = torch.meshgrid(rows, columns, indexing="ij")
    pixels = torch.stack([right, down, torch.ones_like(right)], dim=-1).double()  # (H, W, 3)
    seen = torch.einsum("fij,hwj->fhwi", torch.from_numpy(backward), pixels)
    depth = seen[..., 2:]
    places = seen[..., :2] / depth * torch.tensor([2 / width, 2 / height]) - 1
    return torch.where(depth > 0, places, torch.full_like(places, OUTSIDE)).to(like)


OUTSIDE = 9.0
"""A place beyond the edges of any picture."""
