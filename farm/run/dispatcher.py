"""Which server gets which job, and what happens to a job when its attempt ends."""

import asyncio
import statistics
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..graph.job import Job
from ..graph.workflow_file import Graph
from ..servers.facts import Facts, difference, missing_model
from .delivery import Fetched
from .failure import NodeError
from .ledger import Ledger, Submission
from .output_folder import OutputFolder
from .pending import Pending
from .suspicion import Suspicion

if TYPE_CHECKING:
    from .worker import Worker

WAIT = 1.0  # seconds until a server without a job looks again
MEDIAN_OF, MEDIANS = 200, 10  # latest jobs, and how many times their median time is too long without --job-timeout
SILENCE = 120.0  # seconds
HURRY = 10.0  # seconds until a server that does not answer loses its jobs, when others have nothing left to do


@dataclass(frozen=True)
class Rules:
    """How the user wants failures to be treated."""

    retries: int = 2  # further attempts at a job that was lost
    max_failures: int | None = None  # failed jobs after which the farm stops
    job_timeout: float | None = None  # seconds; None: see `Dispatcher.is_overdue`
    patience: float = 60.0  # seconds until a server that does not answer loses its jobs to others
    mixed: bool = False  # servers may differ


class Dispatcher:
    """All jobs of one farm. The workers call it; it calls the ledger."""

    def __init__(
        self,
        graph: Graph,
        common: Mapping[str, Any],
        models: Mapping[str, int],
        folder: OutputFolder,
        ledger: Ledger,
        rules: Rules,
    ) -> None:
        self.graph = graph
        self.folder = folder
        self.ledger = ledger
        self.rules = rules
        self.workers: list[Worker] = []
        self.pending = Pending()
        self.in_flight: dict[str, Job] = {}
        self.done: list[str] = []  # ids, of this run
        self.failed: dict[str, Job] = {}  # of this run
        self.job_seconds = 0.0  # that servers took for `done`
        self.retried = 0
        self.reloads = 0  # times that a server went on with other models
        self.is_paused = False
        self.stops: str | None = None  # why no further job is given out
        self.latest: deque[dict[str, Any]] = deque(maxlen=10_000)  # records that no view has shown yet
        self._common = common
        self._models = models  # {"folder/name": bytes} of the files that the jobs use
        self._tries: Counter[str] = Counter()
        self._suspicion = Suspicion()
        self._seconds: deque[float] = deque(maxlen=MEDIAN_OF)
        self._edited: dict[str, Job] = {}  # jobs whose older version is running
        self._changed = asyncio.Event()

    @property
    def patience(self) -> float:
        """Seconds until a server that does not answer loses its jobs to others."""
        waits = not self.pending and any(
            worker.follower.connected.is_set() and not worker.follower.prompts for worker in self.live
        )
        return min(self.rules.patience, HURRY) if waits else self.rules.patience

    @property
    def live(self) -> list["Worker"]:
        return [worker for worker in self.workers if worker.dropped is None]

    def add(self, jobs: Sequence[Job]) -> None:
        """New or edited jobs; those that are finished, waiting or running already are left as they are."""
        waiting = {job.id: job for job in self.pending}
        for job in jobs:
            running = self.in_flight.get(job.id)
            if running is not None and running.key != job.key:
                self._edited[job.id] = job
            elif running is None and not self.ledger.is_settled(job.id, job.key):
                older = waiting.get(job.id)
                if older is not None and older.key != job.key:
                    self.pending.discard(job.id)
                if older is None or older.key != job.key:
                    self.failed.pop(job.id, None)
                    self.pending.add(job)
        self.notify()

    def notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def next_job(self, worker: "Worker") -> Job | None:
        """Waits for a job that this server may run; None when there will be none."""
        while not (worker.dropped or self.stops):
            if not self.pending and not self.in_flight:
                break
            if worker.follower.connected.is_set() and not self.is_paused:
                job = self.pending.take(worker.loaded, self._in_use(), self._suspicion.avoided_by(worker, self.live))
                if job is not None:
                    self.in_flight[job.id] = job
                    self.reloads += worker.loaded not in (None, job.models)
                    worker.loaded = job.models
                    return job
                if not self.pending and not worker.follower.prompts:
                    await self._relieve(worker)
            await self._wait()
        self.notify()  # the others end, too
        return None

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), WAIT)
        except (asyncio.TimeoutError, TimeoutError):
            return

    def _in_use(self) -> dict[tuple[str, ...], int]:
        return Counter(worker.loaded for worker in self.live if worker.loaded is not None)

    async def _relieve(self, idle: "Worker") -> None:
        """Near the end: what waits behind another prompt on a busy server runs on an idle one."""
        busiest = max(self.live, key=lambda worker: len(worker.follower.prompts), default=None)
        if busiest is not None and busiest is not idle and len(busiest.follower.prompts) > 1:
            await busiest.take_back(1)

    def claim(self, job_id: str, key: str) -> Job | None:
        """A job that an earlier run gave to a server, if it is still wanted and waits."""
        for job in self.pending:
            if job.id == job_id and job.key == key:
                self.pending.discard(job_id)
                self.in_flight[job_id] = job
                return job
        return None

    def open_submissions(self, server: str) -> Iterator[Submission]:
        return (submission for submission in self.ledger.open if submission.server == server)

    def difference(self, facts: Facts) -> str | None:
        """Why a server cannot take part: it would make other results."""
        if self.rules.mixed:
            return None
        kinds = {node["class_type"] for node in self.graph.values()}
        why = difference(facts.common(kinds & facts.object_info.keys()), self._common)
        return why or missing_model(facts, self._models)

    def is_overdue(self, started: float, heard: float) -> bool:
        """Whether a prompt that began at `started` and was last heard of at `heard` takes too long (time.monotonic).

        Without --job-timeout: ten times the median, when the server has also said nothing for two minutes.
        """
        now = time.monotonic()
        if self.rules.job_timeout is not None:
            return now - started > self.rules.job_timeout
        usual = statistics.median(self._seconds) if len(self._seconds) >= 5 else None
        return usual is not None and now - started > MEDIANS * usual and now - heard > SILENCE

    def finish(self, job: Job, worker: "Worker", files: Sequence[Fetched], seconds: float, attempt: int) -> None:
        """On record, and on the disk when this returns."""
        line = {
            "seconds": round(seconds, 3),
            "server": worker.name,
            "attempt": attempt,
            "at": round(time.time(), 3),
            "tags": list(job.tags),
            "files": [file.line() for file in files],
        }
        self.ledger.record_done(job.id, job.key, line)
        self.done.append(job.id)
        self._seconds.append(seconds)
        self.job_seconds += seconds
        self.latest.append({"id": job.id, **line})
        for again in self._suspicion.finished(job, worker):
            if self.failed.pop(again.id, None) is not None:
                self.pending.put_back(again)
        self._leave(job)

    def retry(self, job: Job, worker: "Worker", why: str, counts: bool) -> None:
        """The attempt has no result. Jobs that were lost wait at the front; after too many attempts they have failed."""
        self._tries[job.id] += counts
        if self._tries[job.id] > self.rules.retries:
            self.fail(job, worker, None, f"{why}; number of attempts: {self._tries[job.id]}")
            return
        self.retried += counts
        if counts:
            self._suspicion.avoid(job, worker)
        self.pending.put_back(job)
        self._leave(job)

    async def node_failed(self, job: Job, worker: "Worker", error: NodeError) -> None:
        """A node raised an error: either the job or the server is to blame."""
        others = [other for other in self.live if other is not worker]
        if error.is_disk_full or (error.is_broken_device and others):
            worker.dropped = worker.dropped or error.message.splitlines()[0][:200]
            self.retry(job, worker, error.message, counts=error.is_broken_device)
        elif error.is_out_of_memory and self._suspicion.is_first_lack_of_memory(job, self.live):
            await worker.free_memory()
            self.retried += 1
            self.pending.put_back(job)
            self._leave(job)
        elif self._suspicion.wants_second_opinion(job, worker, bool(others)):
            self.pending.put_back(job)
            self._leave(job)
        else:
            self.fail(job, worker, error, error.message)

    def fail(self, job: Job, worker: "Worker", error: NodeError | None, message: str) -> None:
        line = {
            "line": job.line,
            "server": worker.name,
            "node": error.node if error else None,
            "node_type": error.node_type if error else None,
            "message": message,
            "at": round(time.time(), 3),
        }
        self.ledger.record_failed(job.id, job.key, line)
        self.failed[job.id] = job
        self.latest.append({"id": job.id, **line})
        if self.rules.max_failures is not None and len(self.failed) >= self.rules.max_failures:
            self.stops = f"the number of failed jobs is {len(self.failed)} (--max-failures {self.rules.max_failures})"
        self._leave(job)

    def _leave(self, job: Job) -> None:
        self.in_flight.pop(job.id, None)
        if (edited := self._edited.pop(job.id, None)) is not None:
            self.pending.discard(job.id)
            self.pending.add(edited)
        self.notify()
