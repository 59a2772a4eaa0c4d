"""Parts of a real farm are killed at random instants: every job is done once, with the same frames as undisturbed.

`dev.py farm-check kill` does the same at 50 instants for each part.
"""

import random
from pathlib import Path

import pytest

from tools import install
from tools.farm.kill import PARTS, at_instants, disturbing, with_actors
from tools.farm.scene import JOBS

from .conftest import SmallFarm

INSTANTS = 2


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_lost_and_nothing_recorded_twice(part: str, small_farm: SmallFarm, tmp_path: Path) -> None:
    disturb = disturbing(part, small_farm.scene, [server.keeper.pid for server in small_farm.servers])
    instants = random.Random(f"{part} 0")
    found = at_instants(tmp_path, small_farm.frames, small_farm.working, instants, INSTANTS, disturb)
    assert len(found) == INSTANTS and min(found) < JOBS


def test_an_actor_of_ray_is_replaced(small_farm: SmallFarm, tmp_path: Path) -> None:
    install.ensure_ray()
    found = with_actors(small_farm.scene, tmp_path, small_farm.frames, random.Random("actor 0"), 1, in_each_run=1)
    assert len(found) == 1 and 0 < found[0] < JOBS
