"""Weights of overlapping windows."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.sampling.windows.cut import WINDOW_SCHEDULES, WindowSpec, cut
from kinema.sampling.windows.fuse import FUSES, Overlapping, fuse_weights


def raw(method, length, frames=None, start=0, overlap=4, sigma=0.0):
    return FUSES[method].weights(Overlapping(tuple(range(start, start + length)), frames or length, overlap, sigma))


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(FUSES)), st.sampled_from(sorted(WINDOW_SCHEDULES)), st.integers(1, 40), st.integers(0, 39),
    st.integers(1, 4), st.integers(1, 300), st.integers(0, 30), st.floats(0, 30), st.booleans(),
)  # fmt: skip
def test_weights_are_positive_and_sum_to_one_at_every_frame(
    method, schedule, length, overlap, stride, frames, step, sigma, loop
):
    windows = cut(WindowSpec(length, min(overlap, length - 1), schedule, stride, loop), frames, step)
    weights = fuse_weights(method, windows, frames, min(overlap, length - 1), sigma)
    total = [0.0] * frames
    for window, parts in zip(windows, weights, strict=True):
        assert len(parts) == len(window) and all(math.isfinite(w) and w > 0 for w in parts)
        for frame, weight in zip(window, parts, strict=True):
            total[frame] += weight
    assert total == pytest.approx([1.0] * frames)


def test_pyramid_equals_published_values():
    assert raw("pyramid", 8) == [1, 2, 3, 4, 4, 3, 2, 1]
    assert raw("pyramid", 7) == [1, 2, 3, 4, 3, 2, 1]


def test_delayed_reverse_sawtooth_equals_published_values_and_has_one_weight_per_frame():
    assert raw("delayed-reverse-sawtooth", 4) == [0.01, 2, 2, 1]
    assert raw("delayed-reverse-sawtooth", 5) == [0.01, 0.01, 3, 2, 1]


def test_relative_equals_the_published_formula():
    first, last = 12, 27
    middle, half = (first + last) / 2, (last - first + 0.01) / 2
    expected = [max(0.01, 1 - abs(i - middle) / half) for i in range(first, last + 1)]
    assert raw("relative", 16, 32, first) == pytest.approx(expected)


def test_overlap_linear_ramps_only_where_windows_meet():
    first = [1.0] * 12 + pytest.approx([1, 2 / 3, 1 / 3, 0], abs=1e-6).expected
    assert raw("overlap-linear", 16, 28, 0) == pytest.approx(first, abs=1e-6)
    assert raw("overlap-linear", 16, 28, 12) == pytest.approx(first[::-1], abs=1e-6)
    assert raw("overlap-linear", 16, 32, 16, overlap=0) == [1.0] * 16


@pytest.mark.parametrize("length", [1, 2, 15, 16])
def test_sigma_fuses_go_from_the_middle_to_the_whole_window(length):
    for name in (name for name, fuse in FUSES.items() if fuse.uses_sigma):
        clean, noisy = raw(name, length, sigma=0.0), raw(name, length, sigma=4.0)
        assert clean == pytest.approx(clean[::-1]) and noisy == pytest.approx(noisy[::-1])
        narrow, wide = (noisy, clean) if name.endswith("inverse") else (clean, noisy)
        if length > 2:
            assert narrow[0] / max(narrow) < 0.01 < wide[0] / max(wide)
        assert raw(name, length, sigma=4.0) == raw(name, length, sigma=25.0)
    assert raw("pyramid-sigma", length, sigma=9.0) == raw("pyramid", length)


@pytest.mark.parametrize("name", FUSES)
def test_the_rows_say_whose_weights_change_with_the_noise_level(name):
    assert FUSES[name].uses_sigma == (raw(name, 16, sigma=0.0) != raw(name, 16, sigma=4.0))


def test_a_frame_of_one_window_is_all_that_windows():
    windows = cut(WindowSpec(), 28)
    for name in FUSES:
        first, last = fuse_weights(name, windows, 28, 4)
        assert first[:12] == (1.0,) * 12 and last[4:] == (1.0,) * 12
