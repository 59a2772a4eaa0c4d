"""A run from the first job to the exit code: servers that come and go, pause, drain, Ctrl+C."""

import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from ..servers.link import ServerLink
from .delivery import FolderFailed
from .dispatcher import Dispatcher
from .worker import Worker

OK, BROKEN, INVALID, SOME_FAILED, NO_SERVER, INTERRUPTED = 0, 1, 2, 3, 4, 130
TICK = 0.5  # seconds


@dataclass
class WholeRun:
    """All workers of a farm, for as long as they work."""

    dispatcher: Dispatcher  # which job runs next, and all workers
    ahead: int  # prompts that wait on a server behind the one that runs
    say: Callable[[str], None]  # prints a line for the user
    tasks: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)  # by the server's name
    is_interrupted: bool = False  # whether the user stopped it: Ctrl+C or a file "drain"
    is_stopping: bool = False  # no further job is given out, and what waits on servers was taken back
    has_no_server: bool = False  # whether jobs are left, but no server has answered for too long
    problem: str | None = None  # with the output folder

    def add_server(self, link: ServerLink) -> None:
        """Also while the farm runs."""
        worker = Worker(link, self.dispatcher, self.ahead)
        self.dispatcher.workers.append(worker)
        self.tasks[worker.name] = asyncio.ensure_future(self._work(worker))

    async def _work(self, worker: Worker) -> None:
        try:
            await worker.run()
            if worker.dropped:
                self.say(f"{worker.name} gets no more jobs: {worker.dropped}")
        except FolderFailed as error:
            self.problem = str(error)
            self.dispatcher.stops = self.dispatcher.stops or self.problem
            self.dispatcher.notify()
        except Exception as error:
            worker.dropped = f"{type(error).__name__}: {error}"
            self.say(f"{worker.name} gets no more jobs: {worker.dropped}")
            raise
        finally:
            await worker.link.close()

    async def until_over(self) -> int:
        """The exit code."""
        self._catch_signals()
        self._look_at_wishes()
        while not all(task.done() for task in self.tasks.values()):
            await asyncio.wait(self.tasks.values(), timeout=TICK, return_when=asyncio.ALL_COMPLETED)
            self._look_at_wishes()
            if self.problem or self._is_alone():
                break
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        return self._exit_code()

    def _look_at_wishes(self) -> None:
        dispatcher = self.dispatcher
        is_paused = dispatcher.folder.is_asked("pause")
        if is_paused != dispatcher.is_paused:
            self.say('Paused: delete the file "pause" to continue' if is_paused else "Continuing")
            dispatcher.is_paused = is_paused
            dispatcher.notify()
        if dispatcher.folder.is_asked("drain") and not dispatcher.stops:
            (dispatcher.folder.path / "drain").unlink(missing_ok=True)
            self.drain('the file "drain" was found')
        if dispatcher.stops and not (self.is_stopping or self.problem):
            self.say(f"Stopping: {dispatcher.stops}. Running jobs are finished first.")
            self._take_back()

    def drain(self, why: str) -> None:
        """What runs is finished, what waits on servers is taken back."""
        self.is_interrupted = True
        self.dispatcher.stops = why
        self.dispatcher.notify()

    def _take_back(self) -> None:
        self.is_stopping = True
        for worker in self.dispatcher.live:
            task = asyncio.ensure_future(worker.take_back(len(worker.follower.prompts)))
            self.tasks[f"{worker.name} gives back"] = asyncio.ensure_future(_finished(task))

    def _is_alone(self) -> bool:
        """Whether no server has answered for so long that none is counted on."""
        live = self.dispatcher.live
        now = asyncio.get_running_loop().time()
        lost = [worker.follower.lost_since for worker in live]
        gone = not live or all(since is not None and now - since > self.dispatcher.patience for since in lost)
        self.has_no_server = gone and bool(self.dispatcher.pending or self.dispatcher.in_flight)
        return self.has_no_server

    def _catch_signals(self) -> None:
        main = asyncio.current_task()
        assert main is not None

        def interrupt() -> None:
            if self.dispatcher.stops:
                main.cancel()
            else:
                self.drain("interrupted; Ctrl+C again stops at once, and the same command continues later")

        if sys.platform != "win32":
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, interrupt)
            loop.add_signal_handler(signal.SIGTERM, main.cancel)

    def _exit_code(self) -> int:
        for task in self.tasks.values():
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        dispatcher = self.dispatcher
        is_left = bool(dispatcher.pending or dispatcher.in_flight)
        if self.problem:
            return BROKEN
        if self.is_interrupted and is_left:
            return INTERRUPTED
        if is_left and (self.has_no_server or not dispatcher.live):
            return NO_SERVER
        return SOME_FAILED if dispatcher.ledger.failed else OK


async def _finished(task: "asyncio.Task[int]") -> None:
    await task
