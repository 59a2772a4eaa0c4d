"""The simulation keeps its promises, and a driver that is too slow shows in it."""

import pytest

from tools.farm.simulate import GOALS, JOBS, SECONDS, START, simulated


@pytest.mark.parametrize("fails", GOALS)
def test_a_farm_keeps_its_servers_busy(fails: bool) -> None:
    outcome = simulated(64, 5.0, fails, seed=0)
    assert outcome.efficiency(64) >= GOALS[fails]
    assert bool(outcome.failures) == bool(outcome.lost) == fails
    assert outcome.work == pytest.approx(64 * JOBS * SECONDS, rel=0.05)
    assert outcome.seconds >= START + outcome.work / 64


def test_a_slow_driver_is_the_bottleneck() -> None:
    slow = simulated(64, 1000.0, False, seed=0)
    assert slow.seconds >= 64 * JOBS * 1.0
