"""Importing the pack and registering its nodes, on top of a host that has loaded its own."""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import environment
from tools.bench.measure import Options, Result

SCRIPT = """
import asyncio, json, logging, sys, time
from comfy.cli_args import args
args.cpu = True
import utils.extra_config  # before nodes, as in the host's main.py: nodes puts another utils on the path
import nodes

class Lines(logging.Handler):
    said = []
    def emit(self, record):
        self.said.append(record.getMessage())

async def main():
    await nodes.init_builtin_extra_nodes()
    logging.getLogger().addHandler(Lines(logging.INFO))
    logging.getLogger().setLevel(logging.INFO)
    print("loading", flush=True)
    start = time.process_time()  # of the processor: a busy machine changes it little
    loaded = await nodes.load_custom_node(sys.argv[1])
    print(json.dumps({"seconds": time.process_time() - start, "loaded": loaded, "lines": Lines.said}), flush=True)

asyncio.run(main())
"""


@dataclass(frozen=True)
class Loaded:
    """What it took to load the pack once."""

    seconds: float  # of the processor, to load the pack
    lines: tuple[str, ...]  # logged and printed meanwhile


def load_once(host: Path) -> Loaded:
    """In a process of its own, by the own loader of the ComfyUI in `host`. Raises RuntimeError where that failed."""
    command = [sys.executable, "-c", SCRIPT, str(environment.REPOSITORY)]
    variables = {**os.environ, "PYTHONPATH": str(host)}
    done = subprocess.run(command, cwd=host, env=variables, capture_output=True, text=True)
    _, _, said = done.stdout.partition("loading\n")
    *printed, told = said.splitlines() or [""]
    answer = json.loads(told or "{}")
    if not answer.get("loaded"):
        said = "\n".join([*printed, *answer.get("lines", [told])])
        raise RuntimeError(f"the host could not load the pack:\n{said}\n{done.stderr}")
    return Loaded(answer["seconds"], (*printed, *answer["lines"]))


def run(options: Options) -> Iterator[Result]:
    host = environment.find().hosts[0]
    seconds = [load_once(host).seconds for _ in range(options.rounds + 1)][1:]  # the first compiles
    yield Result("import and registration, without the import of the host", statistics.median(seconds), "s", target=0.3)
