"""The picture of a camera path shows it from three sides."""

import numpy as np
import pytest
from PIL import ImageColor

from kinema.drawing.canvas import COLOURS
from kinema.sampling.camera.path import CameraMove, track_of
from kinema.sampling.camera.path_picture import VIEWPOINTS, draw_path

GREEN = ImageColor.getrgb(COLOURS[2])
ORANGE = ImageColor.getrgb(COLOURS[1])


def dots(picture, colour):
    """The middle of the dots of a `colour` in each of the three panels, from left to right, (3, 2) in pixels."""
    pixels = np.asarray(picture).astype(int)
    found = np.abs(pixels - colour).sum(2) < 60
    panels = np.array_split(np.arange(picture.width), len(VIEWPOINTS))
    return [np.argwhere(found[:, columns]).mean(0)[::-1] if found[:, columns].any() else None for columns in panels]


@pytest.mark.parametrize(
    ("move", "directions"),
    [  # from above, from the right, from behind: x to the right and y downwards in the picture
        ("move right", ((1, 0), (0, 0), (1, 0))), ("move left", ((-1, 0), (0, 0), (-1, 0))),
        ("move up", ((0, 0), (0, -1), (0, -1))), ("move down", ((0, 0), (0, 1), (0, 1))),
        ("move forward", ((0, -1), (1, 0), (0, 0))), ("move back", ((0, 1), (-1, 0), (0, 0))),
    ],
)  # fmt: skip
def test_the_last_frame_lies_where_the_camera_went(move, directions):
    picture = draw_path(track_of(CameraMove(move), 16), 960, 400)
    assert picture.size == (960, 400)
    for first, last, direction in zip(dots(picture, GREEN), dots(picture, ORANGE), directions, strict=True):
        if direction == (0, 0):  # the last dot lies on the first
            assert first is None
            continue
        way = last - first
        assert np.allclose(way / np.linalg.norm(way), direction, atol=0.05)


@pytest.mark.parametrize("frames", [1, 2, 3, 500])
def test_any_number_of_frames_and_any_size_of_path(frames):
    for move in (CameraMove(), CameraMove(right=1e6), CameraMove(up=1e-9, turn=170.0, zoom=0.1)):
        assert draw_path(track_of(move, frames), 640, 300).size == (640, 300)
