"""The rays of a camera against numbers of the authors' code, and what all rays have in common."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from kinema.sampling.camera.path import CameraMove, track_of
from kinema.sampling.camera.rays import PictureCut, in_pixels, rays_of
from kinema.sampling.camera.track import SAMPLE_LENS, Track

CPU = torch.device("cpu")
WITHIN = 1e-6


def pose(angles=(0.0, 0.0, 0.0), shift=(0.0, 0.0, 0.0)):
    """From the world to the camera: Rz·Ry·Rx of `angles` about x, y and z, and a translation."""
    x, y, z = angles
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("ZYX", [z, y, x]).as_matrix()
    matrix[:3, 3] = shift
    return matrix


POSES = [
    pose(), pose(shift=(1, 0, 0)), pose((0, 0.1, 0)), pose(shift=(0, 0, -2)),
    pose((0.2, -0.1, 0.3), (0.5, -0.25, 1)),
]  # fmt: skip
CORNER = [  # of row 0, column 0
    (0, 0, 0, -0.449863, -0.449863, 0.771523),
    (0, 0.771523, 0.449863, -0.449863, -0.449863, 0.771523),
    (0, 0, 0, -0.524639, -0.449863, 0.722757),
    (0.899725, -0.899725, 0, -0.449863, -0.449863, 0.771523),
    (0.035116, 0.923486, 0.155193, -0.482879, -0.127237, 0.866394),
]
ELSEWHERE = [  # of row 10, column 50
    (0, 0, 0, 0.303197, -0.352365, 0.885387),
    (0, 0.885387, 0.352365, 0.303197, -0.352365, 0.885387),
    (0, 0, 0, 0.213291, -0.352365, 0.911233),
    (0.704729, 0.606395, 0, 0.303197, -0.352365, 0.885387),
    (-0.073501, 0.190064, 0.071936, 0.272989, -0.246391, 0.929929),
]


def rays(track, whole, corner=(0, 0), size=None):
    return torch.stack(list(rays_of(track.places(), track.lenses(), PictureCut(whole, corner, size or whole), CPU)))


def track(poses):
    return Track(np.stack(poses), np.ones(len(poses)))


def test_a_lens_in_pixels():
    assert in_pixels(SAMPLE_LENS, 64, 64) == pytest.approx((54.023106, 54.023106, 32, 32), rel=1e-7)
    assert in_pixels(SAMPLE_LENS, 256, 384) == pytest.approx((216.092422, 216.092422, 192, 128), rel=1e-7)
    assert in_pixels(SAMPLE_LENS, 512, 512) == pytest.approx((432.184845, 432.184845, 256, 256), rel=1e-7)


@pytest.mark.parametrize("count", range(1, 6))
def test_rays_are_the_authors_for_any_number_of_poses(count):
    """For three as well, where the authors' code takes the cross product over another axis."""
    found = rays(track(POSES[:count]), (8, 8))
    assert found.shape == (count, 6, 64, 64)
    for row, column, expected in ((0, 0, CORNER), (10, 50, ELSEWHERE)):
        torch.testing.assert_close(found[:, :, row, column], torch.tensor(expected[:count]), rtol=0, atol=WITHIN)


@pytest.mark.parametrize("whole", [(3, 3), (3, 5), (65, 49), (90, 11)])
def test_what_all_rays_have_in_common(whole):
    found = rays(track(POSES), whole)
    moments, directions = found[:, :3], found[:, 3:]
    assert found.shape == (5, 6, 8 * whole[0], 8 * whole[1])
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(5, *found.shape[2:]))
    assert (moments * directions).sum(1).abs().max() < WITHIN
    assert not moments[0].any()


def test_a_part_of_a_picture_has_the_rays_of_the_whole():
    whole = rays(track(POSES), (9, 14))
    assert torch.equal(rays(track(POSES), (9, 14), (3, 5), (4, 7)), whole[:, :, 24:56, 40:96])


def test_a_turn_of_the_camera_turns_the_middle_ray():
    """To the right, and upwards, which is -y."""
    for axis, expected in (("turn", (math.sin(0.5), 0, math.cos(0.5))), ("tilt", (0, -math.sin(0.5), math.cos(0.5)))):
        move = CameraMove(**{axis: math.degrees(0.5)})
        found = rays(track_of(move, 3), (8, 8))[2, 3:, 31:33, 31:33].mean((1, 2))
        torch.testing.assert_close(found / found.norm(), torch.tensor(expected), rtol=0, atol=WITHIN)


def test_a_longer_focal_length_sees_less():
    near, far = (rays(track_of(CameraMove(zoom=zoom), 2), (8, 8))[1, 3:, 0, 0] for zoom in (2.0, 0.5))
    assert near[0] / near[2] == pytest.approx(-31.5 / (2 * 54.023106), abs=1e-6)
    assert far[0] / far[2] == pytest.approx(-31.5 / (0.5 * 54.023106), abs=1e-6)
