"""The order of jobs: priority, then models that are loaded, then the longest first."""

from kinema.farm.graph.job import Job
from kinema.farm.run.pending import Pending


def job(name: str, model: str = "m", cost: float = 1.0, priority: int = 0) -> Job:
    return Job(name, 1, (), (), priority, f"key of {name}", (model,), cost)


def order(jobs: list[Job], loaded: tuple[str, ...] | None = None) -> str:
    pending = Pending()
    for one in jobs:
        pending.add(one)
    taken = []
    while (one := pending.take(loaded, {}, set())) is not None:
        loaded = one.models
        taken.append(one.id)
    assert len(pending) == 0
    return "".join(taken)


def test_longest_first_within_the_models_that_are_loaded() -> None:
    jobs = [job("a", "m", 1), job("b", "n", 9), job("c", "m", 2), job("d", "n", 1)]
    assert order(jobs) == "bdca"
    assert order(jobs, loaded=("m",)) == "cabd"


def test_priority_takes_precedence_over_models() -> None:
    assert order([job("a", "m"), job("b", "n", priority=1), job("c", "m", priority=-1)], loaded=("m",)) == "bac"


def test_servers_spread_over_the_groups() -> None:
    pending = Pending()
    for one in (job("a", "m", 3), job("b", "n", 2)):
        pending.add(one)
    taken = pending.take(None, {("m",): 1}, set())
    assert taken is not None and taken.id == "b"


def test_a_lost_job_waits_at_the_front_and_is_left_to_other_servers() -> None:
    pending = Pending()
    pending.add(job("a", cost=9))
    pending.put_back(job("b"))
    first = pending.take(("m",), {}, avoided={"b"})
    assert first is not None and first.id == "a"
    assert pending.take(("m",), {}, avoided={"b"}) is None
    assert pending.discard("b") is not None and not pending
