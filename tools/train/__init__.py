"""`dev.py train FILE`: trains a motion model or a motion LoRA as FILE (.toml or .json) says, for hours if need be.

Ctrl+C saves and stops; the same command goes on. tools/train/example.toml shows every setting.
"""

import sys
from pathlib import Path

from tools import in_host


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    file = Path(arguments[0]).absolute()
    in_host.import_extension()
    from tools.train.job import read_job

    try:
        job = read_job(file)
    except (OSError, ValueError) as error:
        sys.exit(f"{file.name}: {error}")
    in_host.enter(job.run.threads)
    from tools.train.run import train  # only now can the host be imported

    return train(job, file)
