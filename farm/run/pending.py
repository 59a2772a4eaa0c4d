"""The jobs that wait: of the highest priority, of the models that a server has loaded, longest first."""

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterator

from ..graph.job import Job

Models = tuple[str, ...]
Entry = tuple[float, int, Job]


class Pending:
    """Waiting jobs, grouped by priority and models."""

    def __init__(self) -> None:
        self._front: list[Job] = []  # jobs that were lost with their server
        self._groups: dict[tuple[int, Models], list[Entry]] = defaultdict(list)
        self._work: dict[tuple[int, Models], float] = defaultdict(float)
        self._serial = itertools.count()

    def __len__(self) -> int:
        return len(self._front) + sum(map(len, self._groups.values()))

    def __iter__(self) -> Iterator[Job]:
        yield from self._front
        for group in self._groups.values():
            yield from (job for _, _, job in group)

    def add(self, job: Job) -> None:
        group = -job.priority, job.models
        heapq.heappush(self._groups[group], (-job.cost, next(self._serial), job))
        self._work[group] += job.cost

    def put_back(self, job: Job) -> None:
        """To the front: it has waited once."""
        self._front.append(job)

    def take(self, loaded: Models | None, in_use: dict[Models, int], avoided: set[str]) -> Job | None:
        """The next job for a server that has the models `loaded`.

        `in_use`: how many servers work with which models; of the others, the group with the most work for each server is
        next. `avoided`: ids of jobs that are to run elsewhere.
        """
        for number, job in enumerate(self._front):
            if job.id not in avoided:
                return self._front.pop(number)
        if not self._groups:
            return None
        priority = min(own for own, _ in self._groups)
        groups = [group for group in self._groups if group[0] == priority]
        own = (priority, loaded) if loaded is not None else None
        best = (
            own if own in groups else max(groups, key=lambda group: self._work[group] / (1 + in_use.get(group[1], 0)))
        )
        assert best is not None
        return self._pop(best, avoided)

    def _pop(self, group: tuple[int, Models], avoided: set[str]) -> Job | None:
        entries = self._groups[group]
        held = []
        found = None
        while entries and found is None:
            entry = heapq.heappop(entries)
            if entry[2].id in avoided:
                held.append(entry)
            else:
                found = entry[2]
        for entry in held:
            heapq.heappush(entries, entry)
        if found is not None:
            self._work[group] -= found.cost
        if not entries:
            del self._groups[group], self._work[group]
        return found

    def discard(self, job_id: str) -> Job | None:
        """Takes a job out by its id, for one that turned out to be on a server already, or that was edited."""
        for number, job in enumerate(self._front):
            if job.id == job_id:
                return self._front.pop(number)
        for group, entries in self._groups.items():
            for number, (_, _, job) in enumerate(entries):
                if job.id == job_id:
                    del entries[number]
                    heapq.heapify(entries)
                    self._work[group] -= job.cost
                    if not entries:
                        del self._groups[group], self._work[group]
                    return job
        return None
