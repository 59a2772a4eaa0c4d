"""Which stages of the miniature need which, and how those that do not wait for one another run side by side."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

AFTER: dict[str, tuple[str, ...]] = {
    "vocabulary": (),
    "vae": ("vocabulary",),
    "clips": ("vae",),
    "image": ("vae",),
    "motion": ("image", "clips"),
    "zoom": ("motion",),
    "sparsectrl": ("motion",),
    "neon": ("image",),
    "neon_lora": ("neon",),
    "ablation": ("image", "clips"),
    "report": ("motion", "zoom", "neon", "neon_lora", "ablation"),
    "effects": ("motion",),
    "pictures": ("sparsectrl",),
}
"""What must be made before each stage. Of those that could start, the first in this order does."""


def run_in_order(after: Mapping[str, Sequence[str]], start: Callable[[str], subprocess.Popen[bytes]], jobs: int) -> int:
    """Runs each stage as a process, `jobs` at a time, and returns the first exit code that is not 0.

    After a failure nothing more is started, and what runs may end. Processes are stopped if this one is interrupted.
    """
    waiting = list(after)
    done = set[str]()
    failure = 0
    running = dict[str, subprocess.Popen[bytes]]()
    try:
        while running or (waiting and not failure):
            ready = [] if failure else [name for name in waiting if done.issuperset(after[name])]
            for name in ready[: jobs - len(running)]:
                waiting.remove(name)
                running[name] = start(name)
            time.sleep(0.1)
            for name in [name for name, process in running.items() if process.poll() is not None]:
                code = running.pop(name).returncode
                done.add(name)
                failure = failure or code
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
    return failure
