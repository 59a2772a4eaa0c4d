"""Two real servers that the farm itself started, for the tests that disturb it."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kinema.farm.servers.local_servers import LocalServer, local_servers
from tools.farm.kill import prepared
from tools.farm.scene import Scene, server_flags, use_host, write_scene


@dataclass(frozen=True)
class SmallFarm:
    """A farm of eight small jobs, and what it makes of them when it is left alone."""

    scene: Scene
    servers: tuple[LocalServer, ...]
    frames: dict[str, list[str]]  # {job: hashes of its files' frames}
    working: float  # seconds from the first job on record to the last


@pytest.fixture(scope="session")
def small_farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallFarm]:
    folder: Path = tmp_path_factory.mktemp("farm")
    use_host()
    os.environ["OMP_NUM_THREADS"] = "1"
    loop = asyncio.new_event_loop()
    starting = local_servers(2, server_flags(folder / "base"), folder)
    engine = loop.run_until_complete(starting.__aenter__())
    try:
        scene = write_scene(folder, tuple(server.url for server in engine.servers))
        frames, working = prepared(scene)
        yield SmallFarm(scene, tuple(engine.servers), frames, working)
    finally:
        loop.run_until_complete(starting.__aexit__(None, None, None))
        loop.close()
