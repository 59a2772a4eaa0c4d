"""Pose texts of strangers: what is read, what is refused and how, in time linear in the length."""

import time

import pytest

from kinema.sampling.camera.pose_text import MOST_CHARACTERS, WrittenPose, read_poses
from kinema.sampling.curves.timeline import TextError

LENS = (0.474812461, 0.844111024, 0.5, 0.5)
IDENTITY = (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
ROW = " ".join(map(str, (158692025, *LENS, 0, 0, *IDENTITY)))


def test_rows_with_and_without_the_link_before_them():
    pose = WrittenPose(LENS, tuple(map(float, IDENTITY)))
    for text in (
        ROW, f"https://www.youtube.com/watch?v=x\n{ROW}", f"\n \n{ROW}\n\n", ROW.replace(" ", ", "), f"link\r\n{ROW}\r\n",
        ROW.replace(" ", "\t"),
    ):  # fmt: skip
        assert read_poses(text) == (pose,)
    assert read_poses(f"link\n{ROW}\n\n{ROW}") == (pose, pose)
    assert read_poses("") == read_poses(" \n\t\n") == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{ROW}\n{ROW} 1", "poses, line 2, column 1: a row needs 19 numbers, but this one has 20. Paste the text of"),
        ("https://video", "there is no row of 19 numbers"),
        (f"link\nlink\n{ROW}", "line 2, column 1: a row needs 19 numbers, but this one has 1"),
        (ROW.replace("0.5 0.5", "0.5 half"), '"half" is not a number from -1,000,000 to 1,000,000'),
        (ROW.replace("0.5 0.5", "0.5 nan"), '"nan" is not a number'),
        (ROW.replace("0.5 0.5", "0.5 1e999"), '"1e999" is not a number'),
        (ROW.replace("0.5 0.5", "0.5 " + "1" * 5000), "is not a number"),
        (ROW.replace("0.474812461", "0"), "the focal lengths are 0 and 0.844111, but must be above 0"),
        (ROW.replace("1 0 0 0 0 1", "0 0 0 0 0 1"), "numbers 8 to 10, 12 to 14 and 16 to 18 do not form a rotation"),
        (ROW.replace("1 0 0 0 0 1", "-1 0 0 0 0 1"), "do not form a rotation"),
    ],
)
def test_other_texts_say_where_and_what(text, says):
    with pytest.raises(TextError, match=says) as error:
        read_poses(text)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    "piece", ["0", "0 ", "\n", "0\n", "1 " * 19 + "\n", ROW + "\n", ", ", "9" * 39 + " ", "é\u2028"]
)
def test_hostile_texts_take_linear_time(piece):
    """The longest that is read takes less than a second, or is refused."""
    text = (piece * (MOST_CHARACTERS // len(piece)))[:MOST_CHARACTERS]
    start = time.process_time()
    try:
        read_poses(text)
    except TextError as error:
        assert len(str(error)) < 300
    assert time.process_time() - start < 5
    with pytest.raises(TextError, match="the text has 1,000,001 characters, but at most 1,000,000 are read"):
        read_poses((text + "0" * MOST_CHARACTERS)[: MOST_CHARACTERS + 1])
