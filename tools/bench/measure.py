"""Timing by interleaved runs, peak memory, and how a result is written down."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Options:
    """How large a benchmark is."""

    size: int  # pixels of a side of the picture
    frames: int  # of the video
    rounds: int  # runs of each thing, by turns
    checkpoint: Path | None = None  # of a real image model, for `speed`; None: the miniature
    motion_model: Path | None = None  # which animates it
    cfg: float = 7.0  # its classifier-free guidance scale


@dataclass(frozen=True)
class Result:
    """One figure."""

    name: str  # of what was measured
    value: float  # in `unit`
    unit: str = "×"  # "×" for a ratio
    target: float | None = None  # the most that it should be; None: there is no goal

    def line(self) -> str:
        goal = "" if self.target is None else f"   (goal: at most {self.target:g}{self.unit})"
        return f"{self.name:<62} {self.value:8.3f} {self.unit}{goal}"


def interleaved(things: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each thing, run by turns so that a change of the machine's load meets all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in things}
    for thing in things.values():
        thing()
    for _ in range(rounds):
        for name, thing in things.items():
            start = time.perf_counter()
            thing()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak_bytes(thing: Callable[[], object]) -> int:
    """How much more memory than before `thing` needs at its peak: the GPU's where there is one, else the process's."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        thing()
        return torch.cuda.max_memory_allocated() - before
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    before = _resident("VmRSS")
    thing()
    return _resident("VmHWM") - before


def _resident(field: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024
