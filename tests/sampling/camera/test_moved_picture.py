"""A flat picture before a moving camera, against the points where its rays meet the picture."""

import numpy as np
import pytest
import torch
from compare import assert_alike

from kinema.sampling.camera.moved_picture import moved_picture
from kinema.sampling.camera.path import CameraMove, Joined, track_of
from kinema.sampling.camera.rays import PictureCut, rays_of


def colours(height, width):
    """A picture whose red is x and whose green is y in the middle of each pixel, 0 to 1."""
    y, x = torch.meshgrid((torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)], dim=-1)


def test_a_still_camera_shows_the_picture_as_it_is():
    moved = moved_picture(colours(40, 56), track_of(CameraMove(), 3), 4.0)
    assert moved.behind == ()
    assert_alike(moved.frames, colours(40, 56).expand(3, -1, -1, -1), within=1e-6)


PATHS = [
    CameraMove("move right"), CameraMove("move forward"), CameraMove("turn up", 0.5), CameraMove("roll clockwise"),
    CameraMove(zoom=1.5), Joined(CameraMove(turn=20.0, right=-1.0), CameraMove(forward=1.0, roll=-30.0, zoom=0.8)),
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_each_pixel_shows_where_its_ray_meets_the_picture(path):
    distance, (h, w) = 4.0, (5, 7)
    track = track_of(path, 16)
    moved = moved_picture(colours(8 * h, 8 * w), track, distance)
    cut = PictureCut((h, w), (0, 0), (h, w))
    first = track_of(CameraMove(), 1)
    lens = next(rays_of(first.places(), first.lenses(), cut, torch.device("cpu")))[3:]
    rays = torch.stack(list(rays_of(track.places(), track.lenses(), cut, torch.device("cpu"))))
    origins = torch.from_numpy(track.places()[:, :3, 3]).float()
    seen = 0
    for frame, (ray, origin) in enumerate(zip(rays, origins, strict=True)):
        direction = ray[3:]
        steps = (distance - origin[2]) / direction[2]
        points = origin[:, None, None] + steps * direction  # (3, H, W)
        for axis, size in ((0, 8 * w), (1, 8 * h)):
            edge = lens[axis] / lens[2]
            low, high = edge.min(), edge.max()
            place = (points[axis] / distance - low) / (high - low) * (size - 1) + 0.5
            expected = place / size
            inside = (moved.frames[frame, :, :, 2] > 0.999) & (direction[2] > 0)
            error = (moved.frames[frame, :, :, axis] - expected)[inside].abs()
            assert error.numel() == 0 or error.max() < 1e-4
            seen += int(inside.sum())
    assert seen > 1000


def test_a_camera_that_reaches_the_picture_sees_nothing_behind_it():
    moved = moved_picture(colours(16, 24), track_of(CameraMove(forward=6.0), 7), 4.0)
    assert moved.behind == (4, 5, 6)
    assert not moved.frames[4:].any() and moved.frames[3].any()
    assert torch.isfinite(moved.frames).all()


def test_a_camera_that_turns_away_sees_nothing():
    moved = moved_picture(colours(16, 24), track_of(CameraMove(turn=180.0), 3), 4.0)
    assert moved.behind == () and not moved.frames[2].any()
    assert np.isfinite(moved.frames.numpy()).all()
