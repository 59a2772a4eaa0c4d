"""Whether the job or its server is to blame."""

import json
from dataclasses import dataclass
from typing import Any

from kinema.farm.graph.job import Job
from kinema.farm.run.failure import error_in, rejection
from kinema.farm.run.suspicion import Suspicion


@dataclass(eq=False)
class Server:
    """What suspicion knows of a worker."""

    name: str
    memory: int = 0
    dropped: str | None = None


def job(name: str) -> Job:
    return Job(name, 1, (), (), 0, f"key of {name}", (), 1.0)


def test_a_server_that_alone_fails_three_jobs_is_dropped_and_its_jobs_run_again() -> None:
    suspicion = Suspicion()
    bad: Any = Server("bad")
    good: Any = Server("good")
    assert [suspicion.wants_second_opinion(job(name), bad, True) for name in "abc"] == [False, False, True]
    assert suspicion.avoided_by(bad, [bad, good]) == {"c"}
    assert [again.id for again in suspicion.finished(job("c"), good)] == ["a", "b"]
    assert bad.dropped == "3 different jobs in a row failed here, and good finished the last one"


def test_jobs_that_fail_everywhere_are_to_blame() -> None:
    suspicion = Suspicion()
    one: Any = Server("one")
    two: Any = Server("two")
    assert [suspicion.wants_second_opinion(job(name), one, True) for name in "abc"][-1]
    assert not suspicion.wants_second_opinion(job("c"), two, True)
    assert not suspicion.finished(job("d"), two) and one.dropped is None


def test_out_of_memory_is_tried_once_more_where_there_is_most() -> None:
    suspicion = Suspicion()
    small: Any = Server("small", memory=8)
    large: Any = Server("large", memory=80)
    assert suspicion.is_first_lack_of_memory(job("a"), [small, large])
    assert suspicion.avoided_by(small, [small, large]) == {"a"} and not suspicion.avoided_by(large, [small, large])
    assert not suspicion.is_first_lack_of_memory(job("a"), [small, large])


def test_errors_are_told_apart_by_what_the_server_says() -> None:
    def error(message: str) -> Any:
        data = {"node_id": "3", "node_type": "KSampler", "exception_type": "E", "exception_message": message}
        return error_in({"status": {"status_str": "error", "messages": [["execution_error", data]]}})

    assert error("Allocation on device: CUDA out of memory").is_out_of_memory
    assert error("CUDA error: an illegal memory access").is_broken_device
    assert error("[Errno 28] No space left on device").is_disk_full
    plain = error("bad size")
    assert (plain.node, plain.node_type) == ("3", "KSampler")
    assert not (plain.is_out_of_memory or plain.is_broken_device or plain.is_disk_full)


def test_a_refusal_names_node_and_reason() -> None:
    errors = {"errors": [{"message": "Value not in list", "details": "sampler_name: 'x'"}]}
    body = json.dumps({"error": {"message": "Prompt outputs failed validation"}, "node_errors": {"3": errors}})
    said = "Prompt outputs failed validation; node #3: Value not in list: sampler_name: 'x'"
    assert rejection(body) == said
    assert rejection("<html>no") == "<html>no"
