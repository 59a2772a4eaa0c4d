"""Runs that fail leave nothing behind: every ordered pair of Kinema's nodes, with every fault."""

import pytest

from tools import soak
from tools.chains import run


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return run.prepare(tmp_path_factory.mktemp("models"))


def test_every_pair_of_nodes_with_every_fault_leaves_nothing_behind(models):
    soak.run_cycle(soak.cycle_of(0, 0), models)  # what is made once and stays
    before = soak.state_of(models.image)
    hits = dict.fromkeys(soak.FAULTS, 0)
    pairs = list(soak.every_pair())
    with soak.leaves_no_tensors(models) as left:
        for number, pair in enumerate(pairs):
            chain, model = soak.built(pair, number, models)
            for fault in soak.FAULTS if model is not None else ():
                hits[fault] += soak.fails(model, chain, fault, models)
                assert soak.hooks_of(models.image) == before.hooks, f"{fault} in {pair} left hooks on the UNet"
        chain = model = None
    soak.check_unchanged(before, soak.state_of(models.image))
    assert left[0] <= 0, f"{left[0]} bytes of tensors are left"
    assert min(hits.values()) > 0.8 * len(pairs), hits
