"""`dev.py farm-check kill [driver|server|connection|actor] [--count 50] [--seed 0]`: nothing is lost, nothing recorded twice.

Uses real servers and the miniature. Each time, one part is killed at a random instant between the first job on record and the
last; the same command is then run again until all jobs are done. Every job must be on record once, with frames equal to
those of an undisturbed run.
"""

import argparse
import asyncio
import itertools
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tools import in_host

from .decoded import results_of
from .dropping import dropping
from .scene import (
    JOBS,
    Scene,
    actors_of,
    kill,
    record_lines,
    records,
    server_flags,
    server_of,
    use_host,
    wait_for_records,
    write_scene,
)

SERVERS = 2
DOWN_SECONDS = 2.0  # at most, of a connection
PARTS = ("driver", "connection", "server")
ACTOR = "actor"
ACTORS_PER_RUN = 3  # that are killed: a Ray and its servers take long to start
TRIES = 5  # at an instant that was after the run's end

Disturb = Callable[[Path, float], int]


def kill_driver(scene: Scene, out: Path, seconds: float) -> int:
    """How many jobs were on record when the driver was killed, `seconds` after the first one was."""
    driver = scene.start(out)
    _sleep(driver, out, seconds)
    is_over = driver.poll() is not None
    driver.kill()
    driver.wait()
    found = len(records(out))
    scene.run(out)
    return JOBS if is_over else found


def kill_server(scene: Scene, out: Path, seconds: float, keeper: int) -> int:
    """How many jobs were on record when a server was killed, `seconds` after the first one was.

    Its `keeper`, given by its id, starts it again.
    """
    scene.wait_for_servers()
    driver = scene.start(out)
    _sleep(driver, out, seconds)
    is_over = driver.poll() is not None
    found = len(records(out))
    if process := server_of(keeper):
        kill(process)
    scene.finish(driver)
    return JOBS if is_over else found


async def drop_connection(scene: Scene, out: Path, seconds: float, down: float) -> int:
    """How many jobs were on record when all connections broke, for `down` seconds; `seconds` after the first one was."""
    async with dropping(list(scene.urls)) as proxies:
        driver = scene.start(out, tuple(proxy.url for proxy in proxies))
        await asyncio.to_thread(_sleep, driver, out, seconds)
        is_over = driver.poll() is not None
        found = len(records(out))
        await asyncio.gather(*(proxy.drop(down) for proxy in proxies))
        await asyncio.to_thread(scene.finish, driver)
    return JOBS if is_over else found


def kill_actors(scene: Scene, out: Path, instants: random.Random, times: int) -> list[int]:
    """How many jobs were on record each of the `times` that one of the actors of a Ray was killed."""
    driver = scene.start_on_ray(out, retries=times)
    found = []
    for least in sorted(instants.sample(range(1, JOBS), times)):
        wait_for_records(driver, out, least)
        while driver.poll() is None and not (actors := actors_of(driver.pid)):  # the other one is starting again, too
            time.sleep(0.1)
        if driver.poll() is not None:  # it had finished all jobs
            break
        found.append(len(record_lines(out)))
        kill(instants.choice(actors))
    scene.finish(driver)
    return found


def _sleep(driver: "subprocess.Popen[bytes]", out: Path, seconds: float) -> None:
    wait_for_records(driver, out)
    time.sleep(seconds)


def assert_whole(out: Path, frames: dict[str, list[str]]) -> None:
    """Every job once, with the frames of an undisturbed run."""
    assert records(out) == dict.fromkeys(frames, 1), records(out)
    found = results_of(out)
    different = [job for job in {*found, *frames} if found.get(job) != frames.get(job)]
    assert not different, f"results in {out} differ from those of an undisturbed run: {different}"
    assert not list((out / ".unfinished").iterdir())


def at_instants(
    out: Path, frames: dict[str, list[str]], working: float, instants: random.Random, count: int, disturb: Disturb
) -> list[int]:
    """Disturbs `count` runs, each in a folder of its own, and returns how many jobs were on record at those instants.

    `working`: seconds from the first job on record to the last, undisturbed.
    """
    found = []
    for number in range(count):
        for again in range(TRIES):
            folder = out / f"{number}-{again}"
            found_then = disturb(folder, instants.uniform(0.0, working))
            assert_whole(folder, frames)
            if found_then < JOBS:
                break
        found.append(found_then)
    return found


def with_actors(
    scene: Scene,
    out: Path,
    frames: dict[str, list[str]],
    instants: random.Random,
    count: int,
    in_each_run: int = ACTORS_PER_RUN,
) -> list[int]:
    """Kills at least `count` actors, so many in each run."""
    found: list[int] = []
    while len(found) < count:
        folder = out / str(len(found))
        found += kill_actors(scene, folder, instants, in_each_run)
        assert_whole(folder, frames)
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py farm-check kill", description=__doc__)
    parser.add_argument("parts", nargs="*", default=(*PARTS, ACTOR), help="which parts are killed (default: all)")
    parser.add_argument("--count", type=int, default=50, help="how often each part is killed (default 50)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - {*PARTS, ACTOR}:
        parser.error(f"{', '.join(unknown)}: choose from {', '.join((*PARTS, ACTOR))}")
    use_host()
    in_host.import_extension()
    return asyncio.run(_check(options.parts, options.count, options.seed))


async def _check(parts: Sequence[str], count: int, seed: int) -> int:
    from kinema.farm.servers.local_servers import local_servers

    folder = Path(tempfile.mkdtemp(prefix="kinema-farm-"))  # it stays when a check fails
    async with local_servers(SERVERS, server_flags(folder / "base"), folder) as engine:
        scene = write_scene(folder, tuple(server.url for server in engine.servers))
        keepers = [server.keeper.pid for server in engine.servers]
        await asyncio.to_thread(_check_all, scene, keepers, parts, count, seed)
    shutil.rmtree(folder)
    return 0


def _check_all(scene: Scene, keepers: Sequence[int], parts: Sequence[str], count: int, seed: int) -> None:
    frames, working = prepared(scene)
    for part in parts:
        instants = random.Random(f"{part} {seed}")
        if part == ACTOR:
            found = with_actors(scene, scene.folder / part, frames, instants, count)
        else:
            found = at_instants(scene.folder / part, frames, working, instants, count, disturbing(part, scene, keepers))
        met = ", ".join(f"{number}: {found.count(number)}" for number in sorted(set(found)))
        print(f"{part}: {len(found)} instants, nothing lost, nothing twice; jobs done at the kill: {met}", flush=True)


def prepared(scene: Scene) -> tuple[dict[str, list[str]], float]:
    """The frames of all results, and the seconds from the first job on record to the last, undisturbed."""
    scene.run(scene.folder / "first")  # loads the models
    working = scene.run(scene.folder / "undisturbed")
    frames = results_of(scene.folder / "undisturbed")
    assert results_of(scene.folder / "first") == frames
    return frames, working


def disturbing(part: str, scene: Scene, keepers: Sequence[int]) -> Disturb:
    """What kills this part, given the folder of a run and the instant in seconds."""
    turns = itertools.cycle(keepers)
    if part == "driver":
        return lambda out, seconds: kill_driver(scene, out, seconds)
    if part == "server":
        return lambda out, seconds: kill_server(scene, out, seconds, next(turns))
    return lambda out, seconds: asyncio.run(drop_connection(scene, out, seconds, DOWN_SECONDS * random.random()))
