"""Makes the miniature from nothing: `python3 dev.py miniature [--stage NAME] [--minutes N]`."""

from __future__ import annotations

import argparse
import time

from .host import cache_folder, import_host
from .loop import OutOfTime


def main(argv: list[str] | None = None) -> int:
    """Run the stages in order; 0 when all is made, 3 when the minutes ran out (run it again to go on)."""
    parser = argparse.ArgumentParser(prog="dev.py miniature", description=__doc__)
    parser.add_argument("--stage", help="one stage only; default: all, in order")
    parser.add_argument("--minutes", type=float, default=600.0, help="stop and save after this time")
    parser.add_argument("--threads", type=int, default=1, help="torch threads; 1 is best for models this small")
    options = parser.parse_args(argv)
    import_host(options.threads)
    from .stages import STAGES

    if options.stage and options.stage not in STAGES:
        parser.error(f'there is no stage "{options.stage}"; the stages are {", ".join(STAGES)}')
    stop_at = time.time() + 60 * options.minutes
    for name in [options.stage] if options.stage else list(STAGES):
        print(f"{time.strftime('%H:%M:%S')} stage {name}", flush=True)
        try:
            STAGES[name](cache_folder(), stop_at)
        except OutOfTime as stopped:
            print(stopped)
            return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
