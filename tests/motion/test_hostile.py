"""Hostile files by seed: each gives one clear error, runs no code and allocates next to nothing. `dev.py fuzz` does more."""

from pathlib import Path

import pytest
import tiny

from tools import fuzz
from tools.fuzz.mutants import PICKLES, SAFETENSORS, mutants

COUNT = 2000  # of each container


def high_water_mark():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    return fuzz.targets(tmp_path_factory.mktemp("good"))


@pytest.mark.parametrize("name", ["motion model", "motion LoRA"])
def test_hostile_files(name, readers, tmp_path):
    proof, reader = tmp_path / "proof", readers[name]
    whole = tiny.save(reader.make(), tmp_path / "whole.safetensors")
    reader.load(whole)
    before = high_water_mark()
    problems, seen = [], set()
    for mutant in mutants(0, COUNT, proof, reader.make):
        seen.add((mutant.name.split(".")[1], mutant.how))
        if problem := fuzz.survives(mutant, tmp_path, proof, reader.load):
            problems.append((mutant.name, mutant.how, problem))
    assert not problems
    assert len(seen) == len(SAFETENSORS) + len(PICKLES)
    assert high_water_mark() - before < fuzz.ALLOWED_GROWTH
    reader.load(whole)


def test_the_readers_read_what_is_whole(readers, tmp_path):
    model, lora = (
        reader.load(tiny.save(reader.make(), tmp_path / f"{i}.safetensors"))
        for i, reader in enumerate(readers.values())
    )
    assert len(model.model.spec.modules) == 2
    assert sum(map(len, lora.patches.values())) == 2 * 2 * 4
