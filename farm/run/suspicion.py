"""Whether a job or its server is to blame for a failure.

A server that fails three different jobs in a row may have a broken device: the third is tried on another server. If that one
finishes it, the first server is dropped and its other failures run again; if it fails there, too, the jobs are to blame.
"""

from collections import defaultdict
from typing import TYPE_CHECKING

from ..graph.job import Job

if TYPE_CHECKING:
    from .worker import Worker

IN_A_ROW = 3


class Suspicion:
    """What is known about failures so far."""

    def __init__(self) -> None:
        self._avoided: dict[str, set[str]] = defaultdict(set)  # {server: ids of jobs it is not to run}
        self._streaks: dict[str, list[Job]] = defaultdict(
            list
        )  # {server: the jobs that it failed since its last success}
        self._asked: dict[str, Worker] = {}  # {id of a job: the server whose failure is in doubt}
        self._short_of_memory: set[str] = set()

    def avoid(self, job: Job, worker: "Worker") -> None:
        """The next attempt is to be on another server."""
        self._avoided[worker.name].add(job.id)

    def avoided_by(self, worker: "Worker", live: list["Worker"]) -> set[str]:
        """Ids that `worker` leaves to others, as long as there is another that takes them."""
        others = [self._avoided[other.name] for other in live if other is not worker]
        return {job_id for job_id in self._avoided[worker.name] if any(job_id not in avoided for avoided in others)}

    def is_first_lack_of_memory(self, job: Job, live: list["Worker"]) -> bool:
        """Whether a job that ran out of memory has another attempt: one, on the server with the most."""
        if job.id in self._short_of_memory or not live:
            return False
        self._short_of_memory.add(job.id)
        largest = max(live, key=lambda worker: worker.memory)
        self._avoided[largest.name].discard(job.id)
        for worker in live:
            if worker is not largest:
                self._avoided[worker.name].add(job.id)
        return True

    def wants_second_opinion(self, job: Job, worker: "Worker", has_others: bool) -> bool:
        """Whether another server is to try a job on which a node raised."""
        first = self._asked.pop(job.id, None)
        if first is not None:
            self._streaks[first.name].clear()
            self._streaks[worker.name].clear()
            return False
        streak = self._streaks[worker.name]
        streak.append(job)
        if len(streak) < IN_A_ROW or not has_others:
            return False
        self._asked[job.id] = worker
        self.avoid(job, worker)
        return True

    def finished(self, job: Job, worker: "Worker") -> list[Job]:
        """After a success on `worker`: the jobs that another server failed and that are to run again."""
        self._streaks[worker.name].clear()
        first = self._asked.pop(job.id, None)
        if first is None or first is worker:
            return []
        again = [failed for failed in self._streaks[first.name] if failed.id != job.id]
        first.dropped = f"{len(again) + 1} different jobs in a row failed here, and {worker.name} finished the last one"
        self._streaks[first.name].clear()
        return again
