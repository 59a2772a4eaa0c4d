"""Camera paths: presets, numbers, curves, poses, and how they are joined."""

import numpy as np
import pytest

from kinema.sampling.camera.path import CameraMove, Joined, Layered, track_of
from kinema.sampling.camera.pose_text import read_poses
from kinema.sampling.camera.presets import CAMERA_PRESETS
from kinema.sampling.curves.curve import Blocks, Combined, Constant, Listed, OverBlocks
from kinema.sampling.curves.curve_keys import OverRun
from kinema.sampling.curves.curve_text import read_keys

SIDEWAYS, FORWARD, ANGLE = 1.40625, 2.8125, np.radians(56.25)
AT_15 = {  # centre and view of the camera at frame 15 with amount 1, as AnimateDiff tools have it; x right, y down, z forward
    "move left": ((-SIDEWAYS, 0, 0), (0, 0, 1)), "move right": ((SIDEWAYS, 0, 0), (0, 0, 1)),
    "move up": ((0, -SIDEWAYS, 0), (0, 0, 1)), "move down": ((0, SIDEWAYS, 0), (0, 0, 1)),
    "move forward": ((0, 0, FORWARD), (0, 0, 1)), "move back": ((0, 0, -FORWARD), (0, 0, 1)),
    "turn left": ((0, 0, 0), (-np.sin(ANGLE), 0, np.cos(ANGLE))),
    "turn right": ((0, 0, 0), (np.sin(ANGLE), 0, np.cos(ANGLE))),
    "turn up": ((0, 0, 0), (0, -np.sin(ANGLE), np.cos(ANGLE))),
    "turn down": ((0, 0, 0), (0, np.sin(ANGLE), np.cos(ANGLE))),
    "roll clockwise": ((0, 0, 0), (0, 0, 1)), "roll anticlockwise": ((0, 0, 0), (0, 0, 1)), "none": ((0, 0, 0), (0, 0, 1)),
}  # fmt: skip


def centres(track):
    return track.places()[:, :3, 3]


def views(track):
    return track.places()[:, :3, 2]


@pytest.mark.parametrize("frames", [16, 40])
@pytest.mark.parametrize("preset", CAMERA_PRESETS)
def test_presets_are_as_people_know_them_however_long_the_video_is(preset, frames):
    track = track_of(CameraMove(preset), frames)
    centre, view = AT_15[preset]
    np.testing.assert_allclose(centres(track)[15], centre, atol=1e-12)
    np.testing.assert_allclose(views(track)[15], view, atol=1e-12)
    np.testing.assert_allclose(centres(track)[0], 0)


def test_a_camera_that_rolls_clockwise_has_its_top_to_the_right():
    top = -track_of(CameraMove("roll clockwise"), 16).places()[15, :3, 1]
    np.testing.assert_allclose(top, (np.sin(ANGLE), -np.cos(ANGLE), 0), atol=1e-12)


def test_the_amount_is_a_speed():
    there = centres(track_of(CameraMove("move right", 2.0), 5))[:, 0]
    np.testing.assert_allclose(there, 2 * 1.5 / 16 * np.arange(5))
    stops = centres(track_of(CameraMove("move right", Listed((1.0, 1.0, 0.0))), 5))[:, 0]
    np.testing.assert_allclose(stops, 1.5 / 16 * np.array([0, 1, 2, 2, 2]))


def test_numbers_are_reached_at_the_last_frame_and_curves_have_all_frames():
    track = track_of(CameraMove(right=1.0, up=0.5, forward=Listed((0.0, 3.0, 1.0)), zoom=4.0), 5)
    np.testing.assert_allclose(centres(track)[:, 0], [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(centres(track)[:, 1], [0, -0.125, -0.25, -0.375, -0.5])
    np.testing.assert_allclose(centres(track)[:, 2], [0, 3, 1, 1, 1])
    np.testing.assert_allclose(track.zoom, [1, 2**0.5, 2, 2**1.5, 4])


def test_along_the_first_view_or_the_camera():
    """Forward, while it turns by a quarter to the right."""
    first, own = (track_of(CameraMove(forward=2.0, turn=90.0, along=a), 3) for a in ("the first view", "the camera"))
    np.testing.assert_allclose(centres(first)[2], (0, 0, 2), atol=1e-12)
    np.testing.assert_allclose(centres(own)[2], (2, 0, 0), atol=1e-12)
    np.testing.assert_allclose(views(first), views(own))


def test_the_order_of_turns():
    """Roll, then turn, then tilt, read from the world to the camera."""
    x, y, z = np.radians([-30.0, -20.0, -10.0])
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    track = track_of(CameraMove(tilt=30.0, turn=20.0, roll=10.0), 2)
    np.testing.assert_allclose(track.poses[1, :3, :3], rz @ ry @ rx, atol=1e-12)


def test_joined_paths_share_the_frames_and_repeat_no_pose():
    path = Joined(Joined(CameraMove(turn=90.0), CameraMove(forward=1.0)), CameraMove(right=1.0))
    track = track_of(path, 12)
    np.testing.assert_allclose(centres(track)[:4], 0, atol=1e-12)
    np.testing.assert_allclose(centres(track)[4:8], [[i / 4, 0, 0] for i in range(1, 5)], atol=1e-12)
    np.testing.assert_allclose(centres(track)[8:], [[1, 0, -i / 4] for i in range(1, 5)], atol=1e-12)
    np.testing.assert_allclose(views(track)[3:], [[1, 0, 0]] * 9, atol=1e-12)


def test_frames_of_joined_paths():
    first, second = CameraMove(right=1.0, frames=3), CameraMove(up=1.0, frames=2)
    np.testing.assert_allclose(centres(track_of(Joined(first, second), 7))[:, 0], [0, 0.5, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(centres(track_of(Joined(first, second), 7))[:, 1], [0, 0, 0, -0.5, -1, -1, -1])
    np.testing.assert_allclose(centres(track_of(Joined(first, second), 2))[:, 0], [0, 0.5])
    sharing = Joined(first, CameraMove(up=1.0))
    np.testing.assert_allclose(centres(track_of(sharing, 7))[:, 1], [0, 0, 0, -0.25, -0.5, -0.75, -1])
    with pytest.raises(
        ValueError,
        match=r"needs at least 4 frames, but the video has 3\. Set",
    ):
        track_of(sharing, 3)


def test_a_path_on_top_moves_in_the_axes_of_the_camera_below():
    track = track_of(Layered(CameraMove(turn=90.0, right=1.0), CameraMove(forward=2.0)), 3)
    np.testing.assert_allclose(centres(track)[2], (3, 0, 0), atol=1e-12)
    np.testing.assert_allclose(views(track)[2], (1, 0, 0), atol=1e-12)
    zoomed = track_of(Layered(CameraMove(zoom=2.0), CameraMove(zoom=3.0)), 2)
    np.testing.assert_allclose(zoomed.zoom, [1, 6])


def test_appending_is_what_the_peers_do():
    """(R2·R1, R2·t1 + t2), without the pose that is there twice."""
    first = track_of(CameraMove("roll clockwise", along="the camera", right=1.0), 8)
    second = track_of(CameraMove("turn left", along="the camera", up=0.5), 9)
    joined = track_of(
        Joined(
            CameraMove("roll clockwise", along="the camera", right=1.0),
            CameraMove("turn left", along="the camera", up=0.5),
        ),
        16,
    )
    np.testing.assert_allclose(joined.poses[:8], first.poses)
    np.testing.assert_allclose(joined.poses[8:], second.poses[1:] @ first.poses[-1])


def test_a_zoom_of_nothing_is_refused():
    for zoom in (0.0, -1.0, Listed((1.0, 0.0))):
        with pytest.raises(ValueError, match=r"zoom is .*, but must be greater than 0\. Use numbers"):
            track_of(CameraMove(zoom=zoom), 4)


def test_curves_over_steps_or_blocks_are_refused():
    over_steps = OverRun(read_keys("0: 0, 4: 1"))
    for curve in (over_steps, Combined("add", Constant(1.0), over_steps)):
        with pytest.raises(ValueError, match="the same at all steps of the run, but a curve over steps is connected"):
            track_of(CameraMove(right=curve), 4)
    with pytest.raises(ValueError, match="A curve over blocks is connected to an input that has one value"):
        track_of(CameraMove("move left", OverBlocks(((Blocks(), over_steps),))), 4)


def test_paths_are_data():
    path = Joined(CameraMove("move left", Listed((1.0, 0.0))), Layered(CameraMove(), CameraMove(turn=3.0)).move)
    assert path == Joined(CameraMove("move left", Listed((1.0, 0.0))), CameraMove(turn=3.0))
    assert hash(path) == hash(Joined(CameraMove("move left", Listed((1.0, 0.0))), CameraMove(turn=3.0)))


def test_which_paths_close():
    circle = CameraMove(
        forward=Listed(tuple(np.sin(np.arange(12) * np.pi / 6))), right=Listed(tuple(np.cos(np.arange(12) * np.pi / 6)))
    )
    assert track_of(circle, 12).closes()
    assert track_of(CameraMove(), 12).closes()
    assert track_of(CameraMove(turn=330.0), 12).closes()
    for move in (CameraMove("move left"), CameraMove(turn=180.0), CameraMove(zoom=2.0)):
        assert not track_of(move, 12).closes()
    assert not track_of(circle, 9).closes()


def row(time, pose, lens=(0.5, 0.9, 0.5, 0.5)):
    return " ".join(map(str, (time, *lens, 0, 0, *np.asarray(pose)[:3].flatten())))


def text_of(move, frames):
    return "\n".join(["https://video", *(row(i, pose) for i, pose in enumerate(track_of(move, frames).poses))])


def test_poses_as_in_the_file_and_stretched():
    move = CameraMove(turn=60.0, forward=2.0, along="the camera")
    poses = read_poses(text_of(move, 5))
    there = track_of(move, 5)
    for fit in ("stretch", "as in the file"):
        np.testing.assert_allclose(track_of(CameraMove(poses=poses, fit=fit), 5).poses, there.poses, atol=1e-12)
    held = track_of(CameraMove(poses=poses, fit="as in the file"), 8)
    np.testing.assert_allclose(held.poses, there.poses[[0, 1, 2, 3, 4, 4, 4, 4]], atol=1e-12)
    stretched = track_of(CameraMove(poses=poses), 9)
    np.testing.assert_allclose(stretched.poses[::2], there.poses, atol=1e-12)
    np.testing.assert_allclose(views(stretched)[1], (np.sin(np.radians(7.5)), 0, np.cos(np.radians(7.5))), atol=1e-12)
    np.testing.assert_allclose(centres(stretched)[1], centres(there)[:2].mean(0), atol=1e-12)
    np.testing.assert_allclose(track_of(CameraMove(poses=poses), 3).poses, there.poses[::2], atol=1e-12)
    np.testing.assert_allclose(stretched.lenses(), np.tile((0.5, 0.9, 0.5, 0.5), (9, 1)))


def test_numbers_act_on_top_of_poses():
    poses = read_poses(text_of(CameraMove(turn=90.0), 4))
    np.testing.assert_allclose(
        centres(track_of(CameraMove(poses=poses, forward=2.0, zoom=2.0), 4))[3], (2, 0, 0), atol=1e-12
    )
    joined = track_of(Joined(CameraMove(poses=poses), CameraMove(forward=2.0)), 8)
    np.testing.assert_allclose(centres(joined)[7], (2, 0, 0), atol=1e-12)
    np.testing.assert_allclose(joined.lenses(), np.tile((0.5, 0.9, 0.5, 0.5), (8, 1)))
    after = track_of(Joined(CameraMove(zoom=2.0), CameraMove(poses=poses)), 8)
    np.testing.assert_allclose(after.lenses()[3], (2 * 0.474812461, 2 * 0.844111024, 0.5, 0.5))
    np.testing.assert_allclose(after.lenses()[4:], np.tile((1.0, 1.8, 0.5, 0.5), (4, 1)))
