"""Servers of this machine that the farm starts, and that end with it."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ..graph.refused import Refused
from .address import Address
from .http_link import HttpLink
from .link import Answered, LinkLost, ServerLink, get_json
from .own_comfyui import comfyui_folder, device_flags, python_of

KEEPER = Path(__file__).with_name("keeper.py")
START_SECONDS = 600.0  # until a server that does not answer is given up
WAIT_SECONDS = 15.0  # for a server to stop
LOG_LINES = 30  # of a server that did not start


@dataclass(frozen=True)
class LocalServer:
    """One server, and the process that keeps it running."""

    name: str  # "local-1" and so on
    url: str  # with its port on 127.0.0.1
    log: Path  # file with the output of the server and its keeper
    keeper: "subprocess.Popen[bytes]"  # restarts the server, and ends it when its stdin is closed

    async def wait_until_ready(self, link: ServerLink) -> None:
        """Raises Refused with the end of the log when it does not come up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_SECONDS
        while loop.time() < deadline and self.keeper.poll() is None:
            try:
                await get_json(link, "/system_stats")
                return
            except (LinkLost, Answered):
                await asyncio.sleep(0.3)
        said = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:])
        raise Refused([f"{self.name} did not start; its log {self.log} ends with\n{said}"])

    def stop(self) -> None:
        assert self.keeper.stdin is not None
        self.keeper.stdin.close()


class LocalServers:
    """All servers that the farm started here."""

    def __init__(self, servers: Sequence[LocalServer]) -> None:
        self.servers = servers
        self.links: list[ServerLink] = [HttpLink(Address(server.url), server.name) for server in servers]

    async def new_links(self) -> list[ServerLink]:
        return []


@asynccontextmanager
async def local_servers(count: int, flags: Sequence[str], out: Path) -> AsyncIterator[LocalServers]:
    """`count` servers of the user's ComfyUI with its packs and models; `flags` go to each of them.

    What they save, and their logs, are in `out`/servers. Raises Refused when one does not start.
    """
    folder = comfyui_folder()
    python = python_of(folder)
    devices = device_flags(count, flags)
    print(f"Starting {count} {'server' if count == 1 else 'servers'} of {folder}", flush=True)
    servers = [
        start(f"local-{number}", [python, str(folder / "main.py")], [*own, *flags], out / "servers", count)
        for number, own in enumerate(devices, 1)
    ]
    engine = LocalServers(servers)
    try:
        await asyncio.gather(
            *(server.wait_until_ready(link) for server, link in zip(servers, engine.links, strict=True))
        )
        yield engine
    finally:
        for server in servers:
            server.stop()
        for server in servers:
            await asyncio.to_thread(wait_for_end, server)
        for link in engine.links:
            await link.close()


def start(name: str, program: Sequence[str], flags: Sequence[str], out: Path, count: int) -> LocalServer:
    """One server at a free port. `count`: how many share the machine's cores."""
    own = out / name
    own.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    command = [sys.executable, str(KEEPER), str(port), *program, "--port", str(port), "--disable-auto-launch"]
    command += ["--output-directory", str(own / "output"), "--temp-directory", str(own)]
    command += ["--database-url", f"sqlite:///{own / 'comfyui.db'}", *flags]
    threads = str(max(1, (os.cpu_count() or 1) // count))
    with (own / "server.log").open("ab") as log:
        # In a session of its own: Ctrl+C reaches the farm alone, which lets what runs finish.
        keeper = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={"OMP_NUM_THREADS": threads, **os.environ},
            start_new_session=True,
        )
    return LocalServer(name, f"http://127.0.0.1:{port}", own / "server.log", keeper)


def wait_for_end(server: LocalServer) -> None:
    """Of the server and its keeper, after `stop`."""
    try:
        server.keeper.wait(WAIT_SECONDS)
    except subprocess.TimeoutExpired:
        server.keeper.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
