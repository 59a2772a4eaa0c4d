"""Runs that fail leave nothing behind: every ordered pair of Kinema's nodes, with one of the faults in turn. Some of them have
a picture, a camera or SparseCtrl, too. `dev.py soak` gives every pair all faults."""

import pytest

from tools import soak
from tools.chains import generator, run


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return run.prepare(tmp_path_factory.mktemp("models"))


def test_every_pair_of_nodes_with_a_fault_in_turn_leaves_nothing_behind(models):
    soak.run_cycle(soak.cycle_of(0, 0), models)  # what is made once and stays
    before = soak.state_of(models)
    hits = dict.fromkeys(soak.FAULTS, 0)
    pairs = list(soak.every_pair())
    with soak.leaves_no_tensors(models) as left:
        for number, pair in enumerate(pairs):
            chain, model = soak.built(pair, number, models)
            fault = in_turn(number)
            if model is not None:
                hits[fault] += soak.fails(model, chain, fault, models)
                assert soak.hooks_of(models) == before.hooks, f"{fault} in {pair} left hooks on the networks"
        chain = model = None
    soak.check_unchanged(before, soak.state_of(models))
    assert left[0] <= 0, f"{left[0]} bytes of tensors are left"
    assert min(hits.values()) > 0.2 * len(pairs), hits


def in_turn(number):
    """One of the faults. Each node meets each of the four with other nodes before and after it."""
    first, second = divmod(number, len(generator.INPUTS))
    return soak.FAULTS[(first + second) % len(soak.FAULTS)]
