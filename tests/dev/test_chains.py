"""`dev.py chains`: recorded chains give the same again, a changed result is noticed, and every node has its turn."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tools.chains import registry
from tools.chains.allowed import RULES, rule_for
from tools.chains.chain import from_json, to_json
from tools.chains.generator import INPUTS, chain, chain_of
from tools.chains.outcome import Outcome
from tools.chains.record import TENSOR, file_of, record_chain, write_index
from tools.chains.run import prepare
from tools.environment import REPOSITORY

IDS = (("ApplyMotionModel", "EnhanceMotion"), ("AnimationNoise", "AnimationGuidance"))


def test_a_changed_result_is_told_from_equal_ones(tmp_path: Path) -> None:
    """Recorded in this process, compared in another, as two versions of the pack are."""
    models = prepare(tmp_path / "models")
    drawn = [chain_of(ids, seed) for seed, ids in enumerate(IDS)]
    recorded = [record_chain(tmp_path, each, models) for each in drawn]
    assert not any(line.outcome.is_refusal for line in recorded)
    recorded[1] = replace(recorded[1], outcome=Outcome("of other latents"))
    write_index(tmp_path, recorded)
    latents = load_file(file_of(tmp_path, 1))[TENSOR]
    save_file({TENSOR: latents + 0.25}, file_of(tmp_path, 1))
    command = [sys.executable, str(REPOSITORY / "dev.py"), "chains", "--compare", str(tmp_path), "--no-templates"]
    done = subprocess.run([*command, "--processes", "1"], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    *words, summary = done.stdout.splitlines()
    assert summary == "2 chains: 1 equal, 0 differ as listed, 1 differ"
    assert words[0] == f"chain 1: {drawn[1]}" and words[1].startswith("  max difference 0.25, with values up to ")


def test_every_node_from_model_to_model_is_drawn(draft: bool) -> None:
    if draft and (lacking := set(registry.from_model_to_model()) - set(INPUTS)):
        pytest.skip(f"tools/chains/generator.py lacks the inputs of {', '.join(sorted(lacking))}")
    assert sorted(INPUTS) == sorted(registry.from_model_to_model())
    assert {name for seed in range(100) for name in chain(seed).ids} == set(INPUTS)


@pytest.mark.parametrize("seed", range(20))
def test_a_chain_is_the_same_for_the_same_seed_and_out_of_a_file(seed: int) -> None:
    drawn = chain(seed)
    assert 2 <= len(drawn.nodes) <= 7
    assert chain(seed) == drawn == from_json(json.loads(json.dumps(to_json(drawn))))


def test_nodes_can_be_asked_for() -> None:
    ids = ("ContextWindows", "AnimateDiff", "ContextWindows")
    assert chain_of(ids, 5).ids == ids


def test_few_chains_may_differ() -> None:
    allowed = [rule for seed in range(300) if (rule := rule_for(chain(seed)))]
    assert 5 <= len(allowed) <= 45
    assert rule_for(chain_of(("MotionGuidance", "ApplyMotionModel"), 0)) is None


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("B3", ("Text2VideoZero", "InjectImage")),
        ("B6", ("ApplyMotionModel", "MotionGuidance", "MotionGuidance")),
        ("schedule first", ("NoiseSchedule", "ApplyMotionModel")),
    ],
)
def test_a_rule_allows(name: str, ids: tuple[str, ...]) -> None:
    rule = rule_for(chain_of(ids, 0))
    assert rule in RULES and rule.name == name
