"""`dev.py farm-check scale`: what the farm itself costs, with stand-ins that answer at once.

CPU time of the driver for a job, for results of 20 KB and 1 MB, and its memory with 1,000 and 100,000 jobs.
"""

import asyncio
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from tools.environment import REPOSITORY

from .stand_in import GRAPH, standing_in

SERVERS = 4
MAX_MILLISECONDS = 10.0  # of CPU for a job with a result of 1 MB
MAX_MEMORY = 200.0  # MB more with 100,000 jobs than with 1,000


@dataclass(frozen=True)
class Row:
    """One run of the farm."""

    jobs: int  # in the list, those that were done before included
    size: int  # bytes of a result
    ran: int  # jobs that ran in it
    milliseconds: float  # of the driver's CPU for a job that ran, start and checks of all jobs included
    memory: float  # MB at most


def main(arguments: list[str]) -> int:
    quick = "--quick" in arguments
    context = multiprocessing.get_context("spawn")
    rows = []
    for size in (20_000, 1_000_000):
        rows.append(_row(context, jobs=300 if quick else 1_000, size=size, ran=300 if quick else 1_000))
    rows.append(_row(context, jobs=10_000 if quick else 100_000, size=20_000, ran=100))
    print("The servers are stand-ins that compute nothing. CPU time and memory of the farm itself:")
    for row in rows:
        print(
            f"{row.jobs:>7} jobs, {row.size / 1e6:.2f} MB per result: {row.milliseconds:6.2f} CPU-ms per job, "
            f"{row.memory:6.1f} MB ({row.ran} ran)"
        )
    more = rows[2].memory - rows[0].memory
    print(f"Additional memory for {rows[2].jobs} jobs, compared with {rows[0].jobs}: {more:.1f} MB")
    return 0 if rows[1].milliseconds <= MAX_MILLISECONDS and more <= MAX_MEMORY else 1


def _row(context: multiprocessing.context.SpawnContext, jobs: int, size: int, ran: int) -> Row:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, size), daemon=True)
    process.start()
    try:
        urls = ours.recv()
        with tempfile.TemporaryDirectory(prefix="kinema-farm-") as folder:
            return _measured(Path(folder), urls, jobs, size, ran)
    finally:
        process.kill()


def _serve(pipe: Connection, size: int) -> None:
    async def serve() -> None:
        async with standing_in(SERVERS, size) as urls:
            pipe.send(urls)
            await asyncio.Event().wait()

    asyncio.run(serve())


def _measured(folder: Path, urls: list[str], jobs: int, size: int, ran: int) -> Row:
    (folder / "graph.json").write_text(json.dumps(GRAPH))
    (folder / "jobs.jsonl").write_text(json.dumps({"for": {"#1.seed": f"1..{jobs}"}}))
    arguments = [str(folder / "graph.json"), str(folder / "jobs.jsonl"), "--out", str(folder / "out")]
    arguments += ["--servers", ",".join(urls), "--limit", str(ran)]
    script = "import sys; from farm.farm_command import main; code = main(sys.argv[1:])\n" + USED
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, env={**os.environ}, capture_output=True, text=True)
    found = re.search(r"USED (\S+) (\S+) (\d+)", done.stdout)
    if done.returncode or not found:
        raise SystemExit(f"the farm failed:\n{done.stdout}{done.stderr}")
    return Row(jobs, size, ran, float(found[1]) * 1000 / ran, float(found[2]))


USED = """
import resource
own = resource.getrusage(resource.RUSAGE_SELF)
print("USED", own.ru_utime + own.ru_stime, own.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10), code)
sys.exit(code)
"""
