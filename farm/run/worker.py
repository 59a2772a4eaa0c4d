"""One server at work: several prompts are queued ahead on it, and each is followed, fetched and recorded."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ..graph.identity import prompt_id
from ..graph.job import UPLOAD_FOLDER, Job, filled, with_prefix
from ..servers.facts import Facts, ask
from ..servers.link import Answered, LinkLost, ServerLink, get_json, post
from .adoption import PROMPT_MARK, remove, unexpected
from .delivery import Gone, deliver
from .dispatcher import Dispatcher
from .failure import Lost, Rejected, error_in, rejection
from .follower import Follower, Queue, Waiting
from .ledger import Submission

AT_WORK = "at work"  # the state of a server that answers
SLICE = 2.0  # seconds between two checks of the time


class Worker:
    """One server. `run` ends when nothing is left to do or the server is dropped."""

    def __init__(self, link: ServerLink, dispatcher: Dispatcher, ahead: int) -> None:
        self.link = link
        self.name = link.name
        self.facts: Facts | None = None
        self.loaded: tuple[str, ...] | None = None  # models of the prompts that it was given last
        self.dropped: str | None = None  # why it gets no more jobs
        self._farm = dispatcher
        self._ahead = ahead
        self._uploads: dict[str, asyncio.Lock] = {}
        self._uploaded: set[str] = set()
        self._adopted: set[asyncio.Task[None]] = set()
        self._was_connected = False
        self.follower = Follower(link, f"kinema-farm-{dispatcher.folder.run}", self._on_connect)

    @property
    def memory(self) -> int:
        return self.facts.memory if self.facts else 0

    @property
    def state(self) -> str:
        """For people."""
        if self.dropped:
            return f"gets no more jobs: {self.dropped}"
        if self.follower.lost_since is None:
            return AT_WORK
        return "does not answer" if self._was_connected else "not connected yet"

    async def run(self) -> None:
        following = [asyncio.ensure_future(self.follower.run()), asyncio.ensure_future(self.follower.look_regularly())]
        lanes = [asyncio.ensure_future(self._lane()) for _ in range(self._ahead + 1)]
        try:
            at_work = {*lanes}
            while at_work := {task for task in at_work | self._adopted if not task.done()}:
                done, _ = await asyncio.wait({*at_work, *following}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # raises what must not be hidden
        finally:
            everything = [*following, *lanes, *self._adopted]
            for task in everything:
                task.cancel()
            await asyncio.gather(*everything, return_exceptions=True)

    async def _lane(self) -> None:
        while (job := await self._farm.next_job(self)) is not None:
            await self._settle(job, None)

    async def _settle(self, job: Job, adopted: Submission | None) -> None:
        """One attempt at a job, from the prompt to the record. `adopted`: a prompt that the server has already."""
        start = time.monotonic()
        try:
            submission = adopted or self._next(job)
            async with self._prompt(submission) as waiting:
                if adopted is None:
                    await self._submit(job, submission, waiting)
                waiting.is_sent = True
                await self._until_ended(submission, waiting)
                entry = await self._entry(submission.prompt_id)
                if entry is None:
                    raise Lost("the server has lost the job", counts=waiting.started is not None)
                error = error_in(entry)
                if error is None:
                    files = await self._patiently(
                        lambda: deliver(self.link, entry["outputs"], self._farm.folder, job.id, submission.prompt_id)
                    )
                    self._farm.finish(
                        job, self, files, time.monotonic() - (waiting.started or start), submission.attempt
                    )
                else:
                    await self._farm.node_failed(job, self, error)
                await self._forget(submission.prompt_id)
        except (Gone, Answered) as error:
            self._farm.retry(job, self, f"{self.name}: {error}", counts=True)
        except Lost as error:
            self._farm.retry(job, self, str(error), counts=error.counts)
        except Rejected as error:
            self._farm.fail(job, self, None, str(error))

    def _next(self, job: Job) -> Submission:
        attempt = self._farm.ledger.attempt(job.id)
        made = prompt_id(self._farm.folder.run, job.id, job.key, attempt)
        return Submission(self.name, job.id, job.key, attempt, made)

    @asynccontextmanager
    async def _prompt(self, submission: Submission) -> AsyncIterator[Waiting]:
        waiting = self.follower.prompts.setdefault(submission.prompt_id, Waiting())
        try:
            yield waiting
        finally:
            self.follower.prompts.pop(submission.prompt_id, None)

    async def _submit(self, job: Job, submission: Submission, waiting: Waiting) -> None:
        await self._patiently(lambda: self._upload(job))
        graph = with_prefix(filled(self._farm.graph, job.changes), f"{UPLOAD_FOLDER}/{submission.prompt_id}")
        mark = {"run": str(self._farm.folder.run), "id": job.id, "key": job.key, "attempt": submission.attempt}
        body = {
            "prompt": graph,
            "prompt_id": submission.prompt_id,
            "client_id": f"kinema-farm-{self._farm.folder.run}",
            "extra_data": {PROMPT_MARK: mark, "preview_method": "none"},
        }
        self._farm.ledger.record_submitted(submission)
        try:
            await post(self.link, "/prompt", body)
        except LinkLost as error:
            if not await self._is_known(submission.prompt_id):
                raise Lost(f"the job did not reach the server: {error}", counts=False) from error
        except Answered as error:
            if error.status != 400:
                raise
            raise Rejected(rejection(error.body)) from error

    async def _is_known(self, wanted: str) -> bool:
        """Whether a prompt whose answer was lost has arrived."""

        async def asked() -> bool:
            running, pending = await self.follower.look()
            return wanted in running or wanted in pending or bool(await get_json(self.link, f"/history/{wanted}"))

        return bool(await self._patiently(asked))

    async def _upload(self, job: Job) -> None:
        for file in job.files:
            name = file.name_on_server
            async with self._uploads.setdefault(name, asyncio.Lock()):
                if name not in self._uploaded:
                    await self.link.upload(file)
                    self._uploaded.add(name)

    async def _until_ended(self, submission: Submission, waiting: Waiting) -> None:
        while not waiting.ended.done():
            await asyncio.wait({waiting.ended}, timeout=SLICE)
            if waiting.ended.done():
                break
            self._check_patience(counts=waiting.started is not None)
            if waiting.started is not None and self._farm.is_overdue(waiting.started, waiting.heard):
                await self._patiently(lambda: post(self.link, "/interrupt", {"prompt_id": submission.prompt_id}))
                seconds = time.monotonic() - waiting.started
                raise Lost(f"the job took too long and was interrupted after {seconds:.0f} s", counts=True)
        waiting.ended.result()  # raises Lost for a prompt that was taken back

    async def _entry(self, wanted: str) -> dict[str, Any] | None:
        found = await self._patiently(lambda: get_json(self.link, f"/history/{wanted}"))
        entry: dict[str, Any] | None = found.get(wanted)
        return entry

    async def _patiently(self, action: Any) -> Any:
        """Tries again while the connection is gone, until the farm's patience with a server ends."""
        while True:
            try:
                return await action()
            except LinkLost as error:
                self.follower.last_error = str(error)
                self._check_patience(counts=False)
                await asyncio.sleep(0.3)

    def _check_patience(self, counts: bool) -> None:
        since = self.follower.lost_since
        if self.dropped:
            raise Lost(f"{self.name} was dropped: {self.dropped}", counts=False)
        if since is not None and time.monotonic() - since > self._farm.patience:
            raise Lost(f"{self.name} does not answer: {self.follower.last_error}", counts=counts)

    async def _forget(self, ended: str) -> None:
        """The record on the server is of no use any more."""
        try:
            await post(self.link, "/history", {"delete": [ended]})
        except (LinkLost, Answered):
            return

    async def free_memory(self) -> None:
        try:
            await post(self.link, "/free", {"unload_models": True, "free_memory": True})
        except (LinkLost, Answered):
            return

    async def take_back(self, count: int) -> int:
        """Takes up to `count` prompts that have not begun out of the server's queue; their jobs wait again."""
        chosen = [name for name, one in self.follower.prompts.items() if one.is_sent and one.started is None][-count:]
        if not chosen or not self.follower.connected.is_set():
            return 0
        try:
            await post(self.link, "/queue", {"delete": chosen})
            content = await get_json(self.link, "/queue")
            there = {item[1] for name in ("queue_running", "queue_pending") for item in content[name]}
            gone = [name for name in chosen if name not in there and not await get_json(self.link, f"/history/{name}")]
        except (LinkLost, Answered):
            return 0
        taken = 0
        for name in gone:
            waiting = self.follower.prompts.get(name)
            if waiting and not waiting.ended.done():
                waiting.ended.set_exception(Lost("the job was taken back", counts=False))
                taken += 1
        return taken

    async def _on_connect(self, running: Queue, pending: Queue) -> None:
        """After each (re)connection: is it the server that it was, and does it have prompts of this folder?"""
        self.facts = await ask(self.link)
        if wrong := self._farm.difference(self.facts):
            self.dropped = wrong
            return
        is_first = not self._was_connected
        self._was_connected = True
        for found in await unexpected(self.link, running | pending, self._farm, set(self.follower.prompts), is_first):
            job = self._farm.claim(found.job_id, found.key)
            if job is None:  # of an older jobs file, or already elsewhere
                await remove(self.link, found.prompt_id)
            else:
                self._adopt(job, found)

    def _adopt(self, job: Job, found: Submission) -> None:
        """Goes on with a prompt of an earlier run."""
        self.follower.prompts[found.prompt_id] = Waiting(is_sent=True)
        task = asyncio.ensure_future(self._settle(job, found))
        self._adopted.add(task)
        task.add_done_callback(self._adopted.discard)
