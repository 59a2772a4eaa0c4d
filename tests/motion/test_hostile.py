"""Hostile files by seed: each gives one clear error, runs no code and allocates next to nothing. `dev.py fuzz` does more."""

from pathlib import Path

import tiny

from kinema.motion.load import load_motion_model
from tools import fuzz

COUNT = 250


def high_water_mark():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_hostile_files(tmp_path):
    proof = tmp_path / "proof"
    whole = tiny.save(fuzz.small_model(), tmp_path / "whole.safetensors")
    assert len(load_motion_model(whole).model.spec.modules) == 8
    before = high_water_mark()
    problems, seen = [], set()
    for mutant in fuzz.mutants(0, COUNT, proof, fuzz.small_model):
        seen.add((mutant.name.split(".")[1], mutant.how))
        if problem := fuzz.survives(mutant, tmp_path, proof):
            problems.append((mutant.name, mutant.how, problem))
    assert not problems
    assert len(seen) == len(fuzz.SAFETENSORS) + len(fuzz.PICKLES)
    assert high_water_mark() - before < fuzz.ALLOWED_GROWTH
    assert len(load_motion_model(whole).model.spec.modules) == 8
