"""Window lists: every frame covered whatever the numbers, and the published values of the common schedulers."""

from dataclasses import replace
from itertools import pairwise
from math import ceil

import comfy.context_windows
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WINDOW_SCHEDULES, WindowSpec, bit_reversal, cut, ring


@st.composite
def specs(draw, schedules=tuple(WINDOW_SCHEDULES)):
    length = draw(st.integers(1, 40))
    return WindowSpec(
        length,
        draw(st.integers(0, length - 1)),
        draw(st.sampled_from(schedules)),
        draw(st.integers(1, 6)),
        draw(st.booleans()),
    )


@settings(max_examples=500, deadline=None)
@given(specs(), st.integers(1, 300), st.integers(0, 200))
def test_every_frame_is_covered_by_valid_windows(spec, frames, step):
    windows = cut(spec, frames, step)
    assert set().union(*windows) == set(range(frames))
    for window in windows:
        assert len(set(window)) == len(window) <= spec.length
        row = WINDOW_SCHEDULES[spec.schedule]
        assert not row.overlaps or len(window) == min(spec.length, frames)
        wraps = sum(after < before for before, after in pairwise(window))
        assert wraps <= (1 if row.wraps or spec.loops else 0)


@pytest.mark.parametrize(
    ("schedule", "closed_loop"),
    [*((schedule, False) for schedule in WINDOW_SCHEDULES), ("looped", True), ("shifting", True)],
)
def test_every_length_from_1_to_300(schedule, closed_loop):
    for frames in range(1, 301):
        for length, overlap, stride in (
            (16, 4, 1),
            (16, 4, 3),
            (16, 15, 1),
            (16, 0, 2),
            (15, 7, 2),
            (8, 2, 2),
            (1, 0, 1),
        ):
            for step in (0, 1, 2, 7):
                windows = cut(WindowSpec(length, overlap, schedule, stride, closed_loop), frames, step)
                assert set().union(*windows) == set(range(frames)), (frames, length, overlap, stride, step)


def starts(frames, step=0, **spec):
    return [window[0] for window in cut(WindowSpec(**spec), frames, step)]


def test_static_windows_equal_published_values():
    assert cut(WindowSpec(), 32) == (tuple(range(16)), tuple(range(12, 28)), tuple(range(16, 32)))
    assert starts(48) == [0, 12, 24, 32]
    assert starts(64) == [0, 12, 24, 36, 48]
    assert cut(WindowSpec(), 11) == (tuple(range(11)),)


def test_uniform_windows_equal_published_values():
    expected = {0: [0, 12, 16], 1: [16, 0, 8], 2: [8, 16, 0], 3: [16, 0, 4]}
    assert {step: starts(32, step, schedule="uniform") for step in expected} == expected


def test_looped_windows_equal_published_values():
    expected = {0: [0, 12, 24], 1: [16, 28, 8], 2: [8, 20, 0], 3: [24, 4, 16]}
    assert {step: starts(32, step, schedule="looped") for step in expected} == expected
    assert cut(WindowSpec(schedule="looped"), 32)[2] == (*range(24, 32), *range(8))
    with_stride = cut(WindowSpec(schedule="looped", stride=2), 48)
    assert with_stride[-2:] == (tuple(range(0, 32, 2)), (*range(28, 48, 2), *range(0, 12, 2)))


@settings(max_examples=300, deadline=None)
@given(st.integers(6, 40), st.integers(1, 300), st.booleans(), st.integers(0, 40))
@example(16, 17, False, 2)
@example(16, 33, False, 3)
@example(16, 64, False, 1)
@example(16, 256, False, 9)
@example(16, 256, True, 9)
def test_shifting_windows_have_every_frame_once_and_none_is_short(length, frames, closed, step):
    spec = WindowSpec(length, 0, "shifting", closed_loop=closed)
    windows = cut(spec, frames, step)
    assert sorted(sum(windows, ())) == list(range(frames))
    lengths = [len(window) for window in windows]
    equal = frames / ceil(frames / length)
    assert max(lengths) <= length and min(lengths) >= equal // 2 >= min(frames, length) // 4
    if closed:
        assert max(lengths) - min(lengths) <= 1


def test_seams_of_shifting_windows_stay_nowhere():
    spec = WindowSpec(schedule="shifting")
    for frames in (33, 64, 256):
        seams = [{window[0] for window in cut(spec, frames, step)} - {0} for step in range(16)]
        inner = range(16, frames - 16)
        assert max(sum(frame in at for at in seams) for frame in inner) == 1  # of 16 steps
        assert all(any({frame, frame + 1} & at for at in seams) for frame in inner)


def test_lengths_of_shifting_windows():
    def lengths(frames, length=16, overlap=4, **more):
        spec = WindowSpec(length, overlap, "shifting", **more)
        return [[len(window) for window in cut(spec, frames, step)] for step in range(4)]

    assert lengths(17) == [[8, 9], [4, 8, 5], [5, 5, 7], [6, 6, 5]]
    assert lengths(64) == [[16] * 4, [8, 16, 16, 16, 8], [10, 10, 16, 16, 12], [12, 16, 16, 10, 10]]
    assert lengths(256)[:2] == [[16] * 16, [8, *[16] * 15, 8]]
    assert lengths(256, closed_loop=True) == [[16] * 16] * 4
    assert lengths(4, 1, 0) == [[1] * 4] * 4
    assert cut(WindowSpec(3, 0, "shifting"), 5, 1) == ((0, 1), (1, 2), (3, 4))  # no frame stands still


def test_a_closed_loop_of_shifting_windows_turns():
    spec = WindowSpec(schedule="shifting", closed_loop=True)
    assert cut(spec, 32, 0) == (tuple(range(16)), tuple(range(16, 32)))
    assert cut(spec, 32, 1) == (tuple(range(8, 24)), (*range(24, 32), *range(8)))
    assert cut(spec, 32, 2)[0] == tuple(range(4, 20))
    assert ContextWindows(spec).loops and not ContextWindows(replace(spec, closed_loop=False)).loops
    assert ContextWindows(replace(spec, schedule="looped", closed_loop=False)).loops


def test_bit_reversal_equals_published_values():
    assert [bit_reversal(step) for step in range(9)] == [0, 0.5, 0.25, 0.75, 0.125, 0.625, 0.375, 0.875, 0.0625]


HOST = {
    "static": comfy.context_windows.create_windows_static_standard,
    "uniform": comfy.context_windows.create_windows_uniform_standard,
    "looped": comfy.context_windows.create_windows_uniform_looped,
    "batched": comfy.context_windows.create_windows_batched,
}


@settings(max_examples=400, deadline=None)
@given(specs(sorted(HOST)), st.integers(2, 200), st.integers(0, 40))
def test_windows_equal_the_hosts_where_those_are_sound(spec, frames, step):
    if frames <= spec.length:
        return
    handler = comfy.context_windows.IndexListContextHandler(
        None, None, spec.length, spec.overlap, spec.stride, spec.closed_loop
    )
    handler._step = step
    theirs = tuple(tuple(int(i) for i in window) for window in HOST[spec.schedule](frames, handler, {}))
    in_order = all(sum((b - a) % frames for a, b in pairwise(w)) < frames for w in theirs)  # once around at most
    distinct = all(len(set(w)) == len(w) and min(w) >= 0 and max(w) < frames for w in theirs)
    moving = len(theirs[-1]) > 1 or spec.length == 1
    if in_order and distinct and moving and set().union(*theirs) == set(range(frames)):
        assert cut(spec, frames, step) == theirs


@pytest.mark.parametrize("schedule", WINDOW_SCHEDULES)
def test_the_rows_say_which_windows_move_and_which_loop(schedule):
    row = WINDOW_SCHEDULES[schedule]
    spec, closed = (WindowSpec(16, 4, schedule, closed_loop=closed) for closed in (False, True))
    assert row.moves == (len({cut(spec, 40, step) for step in range(8)}) > 1)
    assert row.loops == (cut(closed, 40, 1) != cut(spec, 40, 1)) == closed.loops


def test_the_peers_uncovered_frame_is_covered():
    assert 0 in set().union(*cut(WindowSpec(16, 4, "uniform", 2), 17, 2))


def test_no_window_stands_still():
    assert cut(WindowSpec(16, 4, "batched"), 33)[1:] == (tuple(range(16, 32)), (31, 32))
    assert cut(WindowSpec(16, 4, "batched"), 40)[-1] == tuple(range(32, 40))


def test_a_closed_loop_turns_even_when_it_fits_into_one_window():
    spec = WindowSpec(16, 4, "looped", closed_loop=True)
    assert spec.cuts(16) and not WindowSpec(16, 4, "looped").cuts(16)
    assert [cut(spec, 16, step)[0][0] for step in range(4)] == [0, 8, 4, 12]
    assert cut(spec, 5, 1) == ((2, 3, 4, 0, 1),)


def test_short_videos_may_be_left_alone_or_go_around():
    """As AnimateDiff-Evolved does it: windows from frame p, and from p + 12 too where the loop is closed."""
    left = WindowSpec(16, 4, "looped", closed_loop=True, short="leave")
    assert not left.cuts(16) and cut(left, 17, 1) == cut(WindowSpec(16, 4, "looped", closed_loop=True), 17, 1)
    for closed, starts in ((False, (0,)), (True, (0, 12))):
        spec = WindowSpec(16, 4, "looped", closed_loop=closed, short="equal length")
        assert spec.cuts(16) and not spec.cuts(15)
        for step, place in enumerate((0, 8, 4, 12)):
            expected = tuple(tuple((place + start + i) % 16 for i in range(16)) for start in starts)
            assert cut(spec, 16, step) == expected
    with pytest.raises(ValueError, match=r'short_videos is "leave", but the schedule "uniform" does not use it'):
        WindowSpec(16, 4, "uniform", short="leave")


@pytest.mark.parametrize("overlap", [16, 17, 100])
def test_overlap_as_large_as_the_window_is_refused(overlap):
    with pytest.raises(
        ValueError, match=rf"An overlap of {overlap} is not smaller than the window of 16 frames.*length: 4\."
    ):
        WindowSpec(16, overlap)


@pytest.mark.parametrize("spec", [(0, 0), (16, -1), (16, 4, "uniform", 0)])
def test_impossible_numbers_are_refused(spec):
    with pytest.raises(
        ValueError, match=r"Context windows cannot have length .*\. Use a length and a stride of 1 or more"
    ):
        WindowSpec(*spec)


@given(st.integers(2, 300), st.integers(1, 40), st.integers(0, 39))
def test_a_ring_covers_a_loop_evenly(frames, length, overlap):
    overlap = min(overlap, length - 1)
    windows = ring(frames, length, overlap)
    assert set().union(*windows) == set(range(frames))
    assert len({window[0] for window in windows}) == len(windows) > 1
    for window, following in pairwise([*windows, windows[0]]):
        assert len(set(window)) == len(window) == min(length, frames)
        assert len(set(window) & set(following)) >= min(overlap, frames)
        assert all((b - a) % frames == 1 for a, b in pairwise(window))
