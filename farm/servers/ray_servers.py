"""Servers on the nodes of a Ray cluster, or of a Ray that is started on this machine."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import ray
from ray.exceptions import RayError

from ..graph.refused import Refused
from .link import ServerLink
from .own_comfyui import comfyui_folder, python_of
from .ray_actor import ServerActor
from .ray_address import LOCAL, refusal
from .ray_link import RayLink

STORE = 256 * 2**20  # bytes of shared memory for what passes through a local Ray
PACKAGE = Path(__file__).absolute().parents[1]  # sent to the nodes: only ComfyUI has to be there
END_SECONDS = 30.0  # for all servers to stop


@asynccontextmanager
async def ray_servers(address: str, cpus: int, flags: Sequence[str]) -> AsyncIterator["RayServers"]:
    """One actor with a server for each GPU, or for each `cpus` CPUs of a cluster without GPUs. `flags` go to each server.

    Raises Refused when the cluster cannot be used or none of the servers starts.
    """
    _connect(address)
    engine = RayServers(cpus, flags)
    try:
        await engine.start()
        yield engine
    finally:
        await engine.stop()


def _connect(address: str) -> None:
    environment = {}
    if address == LOCAL:
        folder = comfyui_folder()
        environment = {"COMFYUI_PATH": str(folder), "COMFYUI_PYTHON": python_of(folder)}
    own = {"object_store_memory": STORE, "include_dashboard": False} if address == LOCAL else {}
    try:
        ray.init(
            address=address,
            runtime_env={"py_modules": [str(PACKAGE)], "env_vars": environment},
            log_to_driver=False,
            logging_level="ERROR",
            **own,
        )
    except (ConnectionError, RuntimeError, ValueError, RayError) as error:
        raise Refused([refusal(address, str(error))]) from error


class RayServers:
    """The actors, and the links to those whose servers answer."""

    def __init__(self, cpus: int, flags: Sequence[str]) -> None:
        self.links: list[ServerLink] = []
        self._cpus = cpus
        self._flags = list(flags)
        self._run = uuid.uuid4().hex
        self._starting: dict[asyncio.Task[str | None], RayLink] = {}
        self._started: list[RayLink] = []
        self._count = 0  # of actors

    async def start(self) -> None:
        """Waits for the first server; `new_links` finds the others. Raises Refused when none starts."""
        await self._start_actors()
        count = "1 server" if self._count == 1 else f"{self._count} servers"
        print(f"Starting {count}, each in an actor of Ray", flush=True)
        refused: list[str] = []
        while not self.links:
            if not self._starting:
                raise Refused(refused or ["the Ray cluster has neither GPUs nor CPUs"])
            await asyncio.wait(self._starting, return_when=asyncio.FIRST_COMPLETED)
            self.links += self._ready(refused)
        _say(refused)

    async def new_links(self) -> list[ServerLink]:
        """Servers that have come up since, also on nodes that have joined the cluster."""
        await self._start_actors()
        refused: list[str] = []
        found = self._ready(refused)
        _say(refused)
        return [*found]

    async def _start_actors(self) -> None:
        """As many as the cluster has room for; those that wait for a GPU in use join when it is free."""
        total = await asyncio.to_thread(ray.cluster_resources)
        gpus = int(total.get("GPU", 0))
        cpus = min(self._cpus, int(total.get("CPU", 0)))
        wanted = gpus or (int(total.get("CPU", 0)) // cpus if cpus else 0)
        needs = {"num_gpus": 1} if gpus else {"num_cpus": cpus}
        while self._count < wanted:
            self._count += 1
            name = f"ray-{self._count}"
            actor = ray.remote(ServerActor).options(max_restarts=-1, **needs).remote(name, self._run, self._flags)
            link = RayLink(actor, name)
            self._starting[asyncio.ensure_future(link.ready())] = link

    def _ready(self, refused: list[str]) -> list[RayLink]:
        found = []
        for task in [task for task in self._starting if task.done()]:
            link = self._starting.pop(task)
            if why := task.result():
                refused.append(why)
            else:
                found.append(link)
        self._started += found
        return found

    async def stop(self) -> None:
        """Ends all servers, then the connection to the cluster, and a Ray that the farm started."""
        for task in self._starting:
            task.cancel()
        stopping = [asyncio.ensure_future(link.stop()) for link in self._started]
        if stopping:
            await asyncio.wait(stopping, timeout=END_SECONDS)
        await asyncio.to_thread(ray.shutdown)


def _say(refused: Sequence[str]) -> None:
    for why in refused:
        print(f"\nA server did not start: {why}", flush=True)
