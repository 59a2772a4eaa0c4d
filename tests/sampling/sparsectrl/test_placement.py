"""Frames of pictures by hand, from the rules that other SparseCtrl programs share."""

import pytest

from kinema.sampling.sparsectrl.placement import read_placement
from kinema.sampling.sparsectrl.window_rows import Video


@pytest.mark.parametrize(
    ("text", "pictures", "total", "frames"),
    [
        ("0", 1, 16, [0]),
        ("0, -1", 2, 16, [0, 15]),
        ("0,5 10 , 15", 4, 16, [0, 5, 10, 15]),
        ("5, 2", 2, 8, [5, 2]),
        ("every 4", 4, 16, [0, 4, 8, 12]),
        ("every 1", 3, 3, [0, 1, 2]),
        ("spread", 1, 16, [0]),
        ("spread", 3, 16, [0, 7, 15]),
        ("Spread", 16, 16, list(range(16))),
        ("start", 3, 16, [0, 5, 10]),
        ("end", 1, 16, [15]),
        ("end", 3, 16, [5, 10, 15]),
        ("center", 1, 16, [7]),
        ("center", 2, 16, [5, 10]),
        ("center", 6, 8, [0, 1, 2, 3, 4, 5]),
        ("center", 1, 1, [0]),
        ("end", 20, 16, list(range(16))),
    ],
)
def test_each_rule(text, pictures, total, frames):
    placed = read_placement(text).placed(pictures, total)
    assert placed == {frame: i for i, frame in enumerate(frames)}


@pytest.mark.parametrize("word", ["spread", "start", "end", "center"])
def test_a_word_gives_every_picture_a_frame_of_its_own(word):
    for total in range(1, 40):
        for pictures in range(1, 45):
            frames = list(read_placement(word).placed(pictures, total))
            assert frames == sorted(set(frames)) and len(frames) == min(pictures, total)
            assert 0 <= frames[0] <= frames[-1] < total


def test_one_picture_serves_all_frames():
    assert read_placement("0, -1").placed(1, 16) == {0: 0, 15: 0}
    assert read_placement("every 8").placed(1, 17) == {0: 0, 8: 0, 16: 0}


@pytest.mark.parametrize(
    ("text", "pictures", "message"),
    [
        ("0, 20", 2, r"a picture at frame 20, but the video has 16 frames. Use frames 0 to 15, or -1 for the last."),
        ("-17", 1, "a picture at frame -17, but the video has 16 frames"),
        (
            "15, -1",
            2,
            "two pictures at one frame: 15 and -1 are the same in a video of 16 frames. List each frame only once.",
        ),
        (
            "0, -1",
            3,
            "has 3 pictures, but frames of Load SparseCtrl selects 2 frames. Connect one picture for each selected frame",
        ),
        ("0", 2, "has 2 pictures, but frames of Load SparseCtrl selects 1 frame. Connect"),
        ("every 4", 3, "has 3 pictures, but frames of Load SparseCtrl selects 4 frames"),
    ],
)
def test_what_does_not_fit_is_refused(text, pictures, message):
    with pytest.raises(ValueError, match=message):
        read_placement(text).placed(pictures, 16)


def test_numbers_are_counted_before_the_length_of_the_video_is_known():
    with pytest.raises(ValueError, match="has 3 pictures, but frames of Load SparseCtrl selects 2 frames"):
        read_placement("0, -1").check_count(3)
    read_placement("0, -1").check_count(1)
    read_placement("spread").check_count(300)


@pytest.mark.parametrize("text", ["", "first", "every", "every 0", "every -4", "1.5", "0; 4", "0 -", "9999999"])
def test_other_texts_are_refused(text):
    with pytest.raises(
        ValueError, match=r'frames is ".*", which is not a list of frames. Use numbers such as "0, -1", "every'
    ):
        read_placement(text)


@pytest.mark.parametrize(
    ("placed", "window", "rows"),
    [
        ([0], [0, 1, 2, 3], [0, None, None, None]),
        ([0, 15], [13, 14, 15], [None, None, 1]),
        ([0], [4, 5, 6, 7], [0, None, None, None]),
        ([15], [4, 5, 6, 7], [None, None, None, 0]),
        ([8], [6, 10], [0, None]),  # as close to both ends: in the middle, rounded down
        ([8], [5, 7, 9, 11], [None, 0, None, None]),
        ([0, 15], [6, 7, 8, 9], [0, None, None, 1]),
        ([0, 15], [5, 6, 7, 8], [0, None, None, None]),
        ([0, 15], [7, 8, 9, 10], [None, None, None, 1]),
    ],
)
def test_a_window_without_a_picture_sees_the_nearest(placed, window, rows):
    video = Video(16, {frame: i for i, frame in enumerate(placed)})
    assert video.rows(window) == tuple(rows)
    alone = Video(16, video.placed, nearest=False).rows(window)
    assert alone == tuple(video.placed.get(frame) for frame in window)


def test_around_a_loop_the_nearest_may_be_beyond_the_end():
    window = (10, 11, 12, 13)
    assert Video(16, {0: 0}).rows(window) == (0, None, None, None)
    assert Video(16, {0: 0}, loops=True).rows(window) == (None, None, None, 0)
    wraps = (14, 15, 1, 2)
    assert Video(16, {4: 0}).rows(wraps) == (None, None, None, 0)
    assert Video(16, {12: 0}).rows(wraps) == (0, None, None, None)
