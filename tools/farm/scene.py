"""A small farm to disturb: a few jobs of the miniature, servers of this machine, and a driver that can be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tools import environment, server
from tools.environment import REPOSITORY
from tools.workflow import Job, animation

FRAMES, SIDE, STEPS = 2, 32, 1  # of each job: it takes a fraction of a second
SEED_RANGE = "1..4"
PROMPTS = ("a red fish", "a blue bird")
JOBS = 8
SECONDS = 300  # until a driver counts as stuck


@dataclass(frozen=True)
class Scene:
    """The files of the farm and where its servers are."""

    folder: Path  # of workflow, jobs and logs
    urls: tuple[str, ...]  # the servers' addresses

    @property
    def workflow(self) -> Path:
        return self.folder / "workflow.json"

    @property
    def jobs(self) -> Path:
        return self.folder / "jobs.jsonl"

    def run(self, out: Path) -> float:
        """Runs the farm to its end. Returns the seconds from the first job on record to the last.

        Raises AssertionError when it has not done all jobs.
        """
        self.finish(self.start(out))
        times = [line["at"] for line in record_lines(out)]
        return float(times[-1] - times[0])

    def start(self, out: Path, urls: tuple[str, ...] = ()) -> "subprocess.Popen[bytes]":
        return self._started(["--servers", ",".join(urls or self.urls)], out)

    def start_on_ray(self, out: Path, retries: int) -> "subprocess.Popen[bytes]":
        """With a Ray of its own and an actor for each core."""
        flags = ["--retries", str(retries), "--", *server_flags(self.folder / "base")]
        return self._started(["--ray", "local", "--cpus", "1", *flags], out)

    def _started(self, flags: list[str], out: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(REPOSITORY / "dev.py"), "farm", str(self.workflow), str(self.jobs)]
        with (self.folder / "drivers.log").open("ab") as log:
            return subprocess.Popen([*command, "--out", str(out), *flags], stdout=log, stderr=log)

    def finish(self, driver: "subprocess.Popen[bytes]") -> None:
        """Raises AssertionError when the driver does not do all jobs."""
        code = driver.wait(SECONDS)
        log = (self.folder / "drivers.log").read_text()
        assert code == 0, f"the driver ended with {code}:\n{log[-3000:]}"

    def wait_for_servers(self) -> None:
        """Until all of them answer: one that was killed is starting again."""
        for url in self.urls:
            deadline = time.monotonic() + SECONDS
            while not server.answers(url):
                assert time.monotonic() < deadline, f"{url} did not come back"
                time.sleep(0.1)


def wait_for_records(driver: "subprocess.Popen[bytes]", out: Path, count: int = 1) -> None:
    """Until so many jobs are on record, or the driver ends."""
    while driver.poll() is None and len(record_lines(out)) < count:
        time.sleep(0.005)


def write_scene(folder: Path, urls: tuple[str, ...]) -> Scene:
    made = Scene(folder, urls)
    job = Job(None, "miniature_mm.safetensors", "", "", FRAMES, SIDE, SIDE, 6.0, STEPS, 0, 2.0)
    graph = animation(job)
    graph["4"]["_meta"] = {"title": "Prompt"}
    graph["7"]["_meta"] = {"title": "Sampler"}
    made.workflow.write_text(json.dumps(graph))
    made.jobs.write_text(json.dumps({"for": {"Prompt.text": PROMPTS, "Sampler.seed": SEED_RANGE}}))
    return made


def server_flags(base: Path) -> list[str]:
    """For a server on the CPU with this pack as its only one; puts the pack into `base`."""
    server.place(REPOSITORY, base / "custom_nodes" / server.PACK)
    return [
        *("--cpu", "--base-directory", str(base), "--disable-api-nodes"),
        *("--disable-all-custom-nodes", "--whitelist-custom-nodes", server.PACK),
    ]


def use_host() -> None:
    """Servers are started of the newest host, with this Python."""
    os.environ.setdefault("COMFYUI_PATH", str(environment.find().hosts[0]))
    os.environ.setdefault("COMFYUI_PYTHON", sys.executable)


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)


def server_of(keeper: int) -> psutil.Process | None:
    """The server that a keeper keeps; None while it starts again."""
    return next(iter(psutil.Process(keeper).children()), None)


def actors_of(driver: int) -> list[psutil.Process]:
    """The actors of a driver with a Ray of its own that have a server at the moment."""
    try:
        below = psutil.Process(driver).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [process for process in below if _is_actor(process)]


def _is_actor(process: psutil.Process) -> bool:
    try:
        return process.cmdline()[0].startswith("ray::ServerActor") and bool(process.children())
    except (psutil.Error, IndexError):  # it has ended meanwhile
        return False


def records(out: Path) -> Counter[str]:
    """{job: how many lines of done.jsonl it has}."""
    return Counter(str(line["id"]) for line in record_lines(out))


def record_lines(out: Path) -> list[dict[str, Any]]:
    """Of done.jsonl; a line that was cut off at the end does not count."""
    file = out / "done.jsonl"
    lines = file.read_bytes().splitlines(keepends=True) if file.is_file() else []
    return [json.loads(line) for line in lines if line.endswith(b"\n")]
