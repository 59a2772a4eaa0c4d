"""Hostile and odd files by seed: each loads or gives one clear error, runs no code and allocates next to nothing."""

import random

import pytest
import sparse
import tiny
import torch

from kinema.motion.files import MotionFileError
from kinema.sampling.sparsectrl.sparse_model import load_sparsectrl
from tools import fuzz
from tools.fuzz.mutants import mutants

COUNT = 15
RGB = sparse.weights("rgb")


def test_damaged_and_harmful_files(tmp_path):
    proof = tmp_path / "proof"
    problems = [
        (mutant.name, mutant.how, problem)
        for mutant in mutants(0, COUNT, proof, lambda: RGB)
        if (problem := fuzz.survives(mutant, tmp_path, proof, load_sparsectrl))
    ]
    assert not problems


@pytest.mark.parametrize("how", ["without", "shorter", "flat", "empty", "renumbered"])
def test_one_tensor_that_is_odd(how, tmp_path):
    """Whichever it is, the message names the file."""
    keys = random.Random(7).sample(sorted(key for key in RGB if not key.endswith(".pe")), COUNT)
    for key in keys:
        file = dict(RGB)
        weight = file.pop(key)
        file |= {
            "without": {},
            "shorter": {key: weight[:-1].clone()},
            "flat": {key: weight.flatten()[:5].clone()},
            "empty": {key: torch.zeros(0)},
            "renumbered": {
                key.replace("0", "7").replace("1", "8") + ("" if any(n in key for n in "01") else ".x"): weight
            },
        }[how]
        with pytest.raises(MotionFileError, match=r'^"odd\.safetensors"'):
            load_sparsectrl(tiny.save(file, tmp_path / "odd.safetensors"))
