"""Makes the miniature from nothing: `python3 dev.py miniature [--stage NAME] [--minutes N]`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

from ..environment import REPOSITORY
from .host import cache_folder, import_host
from .order import AFTER, run_in_order

OUT_OF_TIME = 3  # the exit code


def main(argv: list[str] | None = None) -> int:
    """Run the stages; 0 when all is made, 3 when the minutes ran out (run it again to go on)."""
    parser = argparse.ArgumentParser(prog="dev.py miniature", description=__doc__)
    parser.add_argument(
        "--stage", choices=AFTER, metavar="NAME", help=f"run only this stage: one of {', '.join(AFTER)}"
    )
    parser.add_argument("--minutes", type=float, default=600.0, help="stop and save after this time")
    parser.add_argument("--jobs", type=int, default=2, help="number of stages that run in parallel (default 2)")
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        help="number of torch threads (default 1, which is best for such small models)",
    )
    options = parser.parse_args(argv)
    stop_at = time.time() + 60 * options.minutes
    if options.stage:
        return _make(options.stage, options.threads, stop_at)

    def start(name: str) -> subprocess.Popen[bytes]:
        left = f"{(stop_at - time.time()) / 60:.3f}"
        stage = ["--stage", name, "--minutes", left, "--threads", str(options.threads)]
        return subprocess.Popen([sys.executable, str(REPOSITORY / "dev.py"), "miniature", *stage])

    return run_in_order(AFTER, start, max(1, options.jobs))


def _make(name: str, threads: int, stop_at: float) -> int:
    _say(f"{name} begins")
    import_host(threads)
    from .loop import OutOfTime
    from .stages import STAGES

    try:
        STAGES[name](cache_folder(), stop_at)
    except OutOfTime as stopped:
        _say(str(stopped))
        return OUT_OF_TIME
    _say(f"{name} is made")
    return 0


def _say(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
