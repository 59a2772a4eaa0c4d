"""`dev.py train FILE [--processes N] [-- OPTIONS]`: trains a motion model, a motion LoRA or a SparseCtrl model with the
settings in FILE (.toml or .json). This can take hours.

Ctrl+C saves and stops; the same command continues. tools/train/example.toml shows every setting. N processes, one per
graphics card, train together; OPTIONS go to torch.distributed.run, for several machines: see docs/training.md.
"""

import argparse
import sys
from pathlib import Path

from tools import in_host
from tools.environment import REPOSITORY


def main(arguments: list[str]) -> int:
    own, options = _divided(arguments)
    parser = argparse.ArgumentParser(
        prog="dev.py train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="processes on this machine (default 1)")
    chosen = parser.parse_args(own)
    file = chosen.file.absolute()
    in_host.import_extension()
    from tools.train.job import prepare_paths, read_job
    from tools.train.launch import check_shares, launch, launched, take_card

    try:
        job = read_job(file)
        prepare_paths(job)
        check_shares(job, chosen.processes)
        take_card()
    except (OSError, ValueError) as error:
        sys.exit(f"{file.name}: {error}")
    if not launched() and (chosen.processes > 1 or options):
        command = [str(REPOSITORY / "dev.py"), "train", str(file)]
        return launch(command, chosen.processes, job.run.threads, options)
    in_host.enter(job.run.threads)
    from tools.train.run import train  # only now can the host be imported

    return train(job, file)


def _divided(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What comes before "--", and what comes after it."""
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]
