"""A real ComfyUI server for one run: headless, on a free port, with this pack as its only custom node."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools import environment
from tools.environment import REPOSITORY

PACK = "kinema"
START_SECONDS = 300


class ServerError(RuntimeError):
    """The server did not start, or died; the message ends with the tail of its log."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str  # its address
    base: Path  # folder of models, input, temp
    output: Path  # folder of the files that it saves
    log: Path  # file that it writes stdout and stderr to
    process: "subprocess.Popen[bytes]"  # of the server

    def is_running(self) -> bool:
        return self.process.poll() is None

    def path(self, file: dict[str, str]) -> Path:
        """The file that a history entry {"filename", "subfolder", "type"} names."""
        root = self.output if file["type"] == "output" else self.base / file["type"]
        return root / file["subfolder"] / file["filename"]

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def running(
    host: Path,
    base: Path,
    *,
    output: Path | None = None,
    device: str = "cpu",
    threads: int = 0,
    port: int = 0,
    flags: Sequence[str] = (),
) -> Iterator[Server]:
    """Run the ComfyUI in `host` with this Python until the block ends, however it ends.

    `base` holds models, input, user data and, unless `output` names another folder, output. `device` is "cpu" or "gpu";
    `threads` and `port` are chosen by torch and by us when 0, `flags` go to the host as they are. Raises ServerError
    when the server does not come up, or comes up without this pack.
    """
    port = port or _free_port()
    output = output or base / "output"
    place(REPOSITORY, base / "custom_nodes" / PACK)
    command = [sys.executable, str(host / "main.py"), "--port", str(port), *_flags(base, output, device), *flags]
    if (frontend := environment.frontend(host)) and frontend.is_dir():
        command += ["--front-end-root", str(frontend)]
    log_path = base / "server.log"
    with log_path.open("w") as log:
        # In a session of its own, so that Ctrl+C reaches only us and the server is stopped in order.
        process = subprocess.Popen(
            command, cwd=base, env=_environment(threads), stdout=log, stderr=log, start_new_session=True
        )
        try:
            server = Server(f"http://127.0.0.1:{port}", base, output, log_path, process)
            _wait_until_ready(server)
            yield server
        finally:
            _stop(process)


def device(choice: str) -> str:
    """ "cpu" or "gpu" for "cpu", "gpu" or "auto"."""
    if choice != "auto":
        return choice
    import torch

    return "gpu" if torch.cuda.is_available() or torch.backends.mps.is_available() else "cpu"


def place(source: Path, target: Path) -> None:
    """Make `source` appear as `target`: as a link, or as a copy where links are not allowed (Windows)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink():
        target.unlink()
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git"))
        else:
            shutil.copy2(source, target)


def _flags(base: Path, output: Path, device: str) -> list[str]:
    return [
        *(["--cpu"] if device == "cpu" else []),
        *("--base-directory", str(base), "--output-directory", str(output)),
        *("--database-url", f"sqlite:///{base / 'comfyui.db'}"),
        *("--disable-all-custom-nodes", "--whitelist-custom-nodes", PACK),
        *("--disable-api-nodes", "--disable-auto-launch"),
    ]


def _environment(threads: int) -> dict[str, str]:
    return {**os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {})}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(server.url):
        if not server.is_running():
            raise ServerError(
                f"ComfyUI ended with exit code {server.process.returncode} while starting:\n{server.tail()}"
            )
        if time.monotonic() > deadline:
            raise ServerError(f"ComfyUI did not answer within {START_SECONDS} s:\n{server.tail()}")
        time.sleep(0.2)
    # The host goes on without a custom node that fails to import, and only says so in its log.
    if re.search(rf"\(IMPORT FAILED\).*{PACK}$", server.log.read_text(errors="replace"), re.MULTILINE):
        raise ServerError(f"ComfyUI started, but could not import the pack:\n{server.tail(80)}")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/system_stats", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
