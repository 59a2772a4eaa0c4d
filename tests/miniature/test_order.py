"""Stages of the miniature side by side, as real processes."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.miniature import order, stages

AFTER = {"first": (), "left": ("first",), "right": ("first",), "last": ("left", "right")}


class Processes:
    """Starts `python -c` for a stage; notes when each ran."""

    def __init__(self, folder: Path, seconds: float = 0.6, code: dict[str, int] | None = None) -> None:
        self.folder, self.seconds, self.code = folder, seconds, code or {}
        self.started: dict[str, subprocess.Popen[bytes]] = {}

    def __call__(self, name: str) -> subprocess.Popen[bytes]:
        program = (
            f"import pathlib, sys, time; log = pathlib.Path({str(self.folder / name)!r}); start = time.time();"
            f"time.sleep({self.seconds}); log.write_text(f'{{start}} {{time.time()}}'); sys.exit({self.code.get(name, 0)})"
        )
        self.started[name] = subprocess.Popen([sys.executable, "-c", program])
        return self.started[name]

    def span(self, name: str) -> tuple[float, float]:
        start, end = (self.folder / name).read_text().split()
        return float(start), float(end)


def test_every_stage_has_its_place_in_the_order():
    assert set(order.AFTER) == set(stages.STAGES)
    made = set[str]()
    for name, needs in order.AFTER.items():
        assert made.issuperset(needs), f"{name} stands before what it needs"
        made.add(name)


def test_stages_wait_for_what_they_need_and_run_beside_what_they_do_not(tmp_path):
    processes = Processes(tmp_path, seconds=1.0)

    assert order.run_in_order(AFTER, processes, jobs=2) == 0

    first, left, right, last = (processes.span(name) for name in AFTER)
    assert first[1] <= min(left[0], right[0]) and max(left[1], right[1]) <= last[0]
    assert left[0] < right[1] and right[0] < left[1]


def test_one_job_means_one_at_a_time(tmp_path):
    processes = Processes(tmp_path)

    assert order.run_in_order(AFTER, processes, jobs=1) == 0

    left, right = processes.span("left"), processes.span("right")
    assert left[1] <= right[0]


def test_a_failure_is_returned_and_only_what_runs_may_end(tmp_path):
    processes = Processes(tmp_path, code={"left": 3})

    assert order.run_in_order(AFTER, processes, jobs=2) == 3

    assert set(processes.started) == {"first", "left", "right"}
    assert (tmp_path / "right").exists()


def test_an_interrupt_stops_what_runs(tmp_path):
    processes = Processes(tmp_path, seconds=60)

    def start(name: str) -> subprocess.Popen[bytes]:
        if name == "right":
            raise KeyboardInterrupt
        return processes(name)

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        order.run_in_order({"left": (), "right": ()}, start, jobs=2)

    assert processes.started["left"].poll() is not None
    assert time.monotonic() - begun < 30
