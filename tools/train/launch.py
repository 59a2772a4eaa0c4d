"""Starts a training in several processes with torch's own launcher. Needs torch, but no host."""

import logging
import os
import sys

from kinema.training.config import check_parts
from tools.train.job import Job

ON_THIS_MACHINE = ("--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0")
"""How the processes find each other unless options say otherwise: any free port, so that runs do not meet."""


def launched() -> bool:
    """Whether torch's launcher started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def check_shares(job: Job, processes: int) -> None:
    """Raises ValueError unless `processes` on each machine, and all that the launcher started, can share the run."""
    count = int(os.environ["WORLD_SIZE"]) if launched() else processes
    if count < 1:
        raise ValueError(f"--processes is {count}, but must be 1 or more.")
    check_parts(job.settings.accumulation, count)
    if count > 1 and job.clips.cache is None:
        raise ValueError(
            f"{count} processes share their clips in a folder, but [clips] has no cache. Set cache, for example to "
            '"latents".'
        )


def take_card() -> None:
    """Gives this process a graphics card of its own, if the launcher started it and there are any. Raises ValueError."""
    if not launched():
        return
    import torch

    if torch.cuda.is_available():
        check_cards(int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count())
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))


def check_cards(processes: int, cards: int) -> None:
    """Raises ValueError if a machine with `cards` has more `processes`."""
    if processes > cards:
        raise ValueError(
            f"this machine runs {processes} processes, but the number of its graphics cards is {cards}. "
            f"Set --processes to {cards}."
        )


def launch(command: list[str], processes: int, threads: int, options: list[str]) -> int:
    """Runs `command`, a Python script with its arguments, in `processes` of this machine, with `options` for
    torch.distributed.run. Returns the exit code, of which 130 means that the run was stopped."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.elastic.rendezvous import RendezvousError

    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the processes say what went wrong
    try:
        run.run(run.parse_args([f"--nproc-per-node={processes}", *ON_THIS_MACHINE, *options, *command]))
    except SignalException:  # the processes were told, and have stopped
        return 130
    except RendezvousError as error:
        print(f"The other machines cannot be reached, or their processes have ended: {error}", file=sys.stderr)
        return 1
    except ChildFailedError as error:
        number, failure = error.get_first_failure()
        if failure.exitcode >= 0:
            return failure.exitcode
        print(
            f"Process {number} was ended by signal {-failure.exitcode}, perhaps because memory ran out. Run the same "
            "command again to continue from the last save.",
            file=sys.stderr,
        )
        return 1
    return 0
