"""Runs that fail leave nothing behind: every ordered pair of Kinema's nodes, with two of the faults in turn. Some of them have
a picture, a camera or SparseCtrl, too."""

import pytest

from tools import soak
from tools.chains import run


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return run.prepare(tmp_path_factory.mktemp("models"))


def test_every_pair_of_nodes_with_faults_in_turn_leaves_nothing_behind(models):
    soak.run_cycle(soak.cycle_of(0, 0), models)  # what is made once and stays
    before = soak.state_of(models)
    hits = dict.fromkeys(soak.FAULTS, 0)
    pairs = list(soak.every_pair())
    with soak.leaves_no_tensors(models) as left:
        for number, pair in enumerate(pairs):
            chain, model = soak.built(pair, number, models)
            for fault in in_turn(number) if model is not None else ():
                hits[fault] += soak.fails(model, chain, fault, models)
                assert soak.hooks_of(models) == before.hooks, f"{fault} in {pair} left hooks on the networks"
        chain = model = None
    soak.check_unchanged(before, soak.state_of(models))
    assert left[0] <= 0, f"{left[0]} bytes of tensors are left"
    assert min(hits.values()) > 0.4 * len(pairs), hits


def in_turn(number):
    """Two of the faults. Each node meets each of the four with other nodes before and after it."""
    return [fault for place, fault in enumerate(soak.FAULTS) if (place - number // 2) % 4 in (0, 1 + number % 2)]
