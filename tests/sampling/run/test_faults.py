"""Runs that fail leave nothing behind: every ordered pair of Kinema's nodes, with every fault. Some of them have a picture, a
camera or SparseCtrl, too."""

import pytest

from tools import soak
from tools.chains import run


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return run.prepare(tmp_path_factory.mktemp("models"))


def test_every_pair_of_nodes_with_every_fault_leaves_nothing_behind(models):
    soak.run_cycle(soak.cycle_of(0, 0), models)  # what is made once and stays
    before = soak.state_of(models)
    hits, tried = dict.fromkeys(soak.FAULTS, 0), dict.fromkeys(soak.FAULTS, 0)
    pairs = list(soak.every_pair())
    with soak.leaves_no_tensors(models) as left:
        for number, pair in enumerate(pairs):
            chain, model = soak.built(pair, number, models)
            for fault in faults_of(pair) if model is not None else ():
                tried[fault] += 1
                hits[fault] += soak.fails(model, chain, fault, models)
                assert soak.hooks_of(models) == before.hooks, f"{fault} in {pair} left hooks on the networks"
        chain = model = None
    soak.check_unchanged(before, soak.state_of(models))
    assert left[0] <= 0, f"{left[0]} bytes of tensors are left"
    assert all(hits[fault] > 0.8 * tried[fault] for fault in soak.FAULTS), hits
    assert tried["error"] > 0.9 * len(pairs)


def faults_of(pair):
    """Context Windows alone treat a lack of memory otherwise than any error: they try again with fewer windows at once."""
    return soak.FAULTS if "ContextWindows" in pair else [fault for fault in soak.FAULTS if fault != "memory"]
