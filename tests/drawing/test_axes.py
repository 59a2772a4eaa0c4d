"""Round numbers beside a plot, and where values lie in it."""

import pytest

from kinema.drawing.axes import Axes, evenly, round_step, ticks_around
from kinema.drawing.canvas import Canvas


@pytest.mark.parametrize("values", [[0.0], [98.0, 98.01], [0, 3.2], [-20, 35], [5, 5, 5], [1e-5, 2e-5], [0, 1234]])
def test_ticks_are_few_and_enclose(values):
    ticks = ticks_around(values)
    assert ticks[0] <= min(values) and ticks[-1] >= max(values) and 2 <= len(ticks) <= 6
    assert ticks == sorted(set(ticks))


@pytest.mark.parametrize(("spread", "most", "step"), [(10, 5, 2), (10, 4, 5), (0.3, 3, 0.1), (1, 0.5, 2), (64, 30, 5)])
def test_steps_are_round(spread, most, step):
    assert round_step(spread, most) == pytest.approx(step)


def test_numbers_are_spread_evenly():
    assert evenly(8, 5) == [0, 2, 4, 6, 8] and evenly(2, 5) == [0, 1, 2] and evenly(0, 5) == [0]


def test_values_lie_between_the_outer_ticks():
    axes = Axes(Canvas(100, 100), (10, 20, 90, 80), 4, [-1.0, 0.0, 1.0])
    assert axes.at(0, -1) == (10, 80) and axes.at(4, 1) == (90, 20) and axes.at(2, 0) == (50, 50)
