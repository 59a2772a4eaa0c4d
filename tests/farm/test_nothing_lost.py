"""Parts of a real farm are killed at random instants: every job is done once, with the same frames as undisturbed.

`dev.py farm-check kill` does the same at 50 instants for each part.
"""

import random
from pathlib import Path

import pytest

from tools import install
from tools.farm.kill import ACTORS_PER_RUN, PARTS, at_instants, disturbing, with_actors
from tools.farm.scene import JOBS

from .conftest import SmallFarm

INSTANTS = 3


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_lost_and_nothing_recorded_twice(part: str, small_farm: SmallFarm, tmp_path: Path) -> None:
    disturb = disturbing(part, small_farm.scene, [server.keeper.pid for server in small_farm.servers])
    instants = random.Random(f"{part} 0")
    found = at_instants(tmp_path, small_farm.frames, small_farm.working, instants, INSTANTS, disturb)
    assert len(found) == INSTANTS and min(found) < JOBS


def test_actors_of_ray_are_replaced(small_farm: SmallFarm, tmp_path: Path) -> None:
    install.ensure_ray()
    found = with_actors(small_farm.scene, tmp_path, small_farm.frames, random.Random("actor 0"), ACTORS_PER_RUN)
    assert len(found) >= ACTORS_PER_RUN and 0 < min(found) <= max(found) < JOBS
