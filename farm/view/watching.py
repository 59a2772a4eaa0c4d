"""The progress line, and the views that are written while the farm runs."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ..run.dispatcher import Dispatcher
from ..run.worker import AT_WORK
from ..whole_file import write_whole
from .page import ResultsPage
from .prometheus import metrics_served

UPDATE_SECONDS = 2.0  # between two updates
LINE_SECONDS = 60.0  # between two progress lines where the output is not a terminal


class Watching:
    """Shows a farm. `total`: all jobs, also those on record."""

    def __init__(self, dispatcher: Dispatcher, total: int) -> None:
        self.total = total
        self._farm = dispatcher
        self._page = ResultsPage(dispatcher.folder.path)
        self._start = time.monotonic()
        self._last_line = -LINE_SECONDS

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            self.show(is_last=False)
            await asyncio.sleep(UPDATE_SECONDS)

    def show(self, is_last: bool) -> None:
        status = self.status()
        latest = list(self._farm.latest)
        try:
            write_whole(self._farm.folder.path / "status.json", json.dumps(status, indent=1))
            self._page.add(iter(latest))
            self._farm.latest.clear()
            self._page.show(status)
        except OSError:  # a full disk: the results tell of it
            pass
        is_terminal = sys.stdout.isatty()
        if is_terminal or is_last or time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            end = "\n" if is_last or not is_terminal else ""
            print(("\r" if is_terminal else "") + progress_line(status), end=end, flush=True)

    def status(self) -> dict[str, Any]:
        farm = self._farm
        seconds = time.monotonic() - self._start
        rate = len(farm.done) / seconds if seconds else 0.0
        left = len(farm.pending) + len(farm.in_flight)
        return {
            "total": self.total,
            "done": len(farm.ledger.done),
            "failed": len(farm.ledger.failed),
            "waiting": len(farm.pending),
            "running": len(farm.in_flight),
            "done_in_this_run": len(farm.done),
            "retried": farm.retried,
            "model_reloads": farm.reloads,
            "job_seconds": round(farm.job_seconds, 3),
            "jobs_per_minute": round(60 * rate, 2),
            "seconds_left": round(left / rate) if rate else None,
            "is_paused": farm.is_paused,
            "at": round(time.time(), 1),
            "servers": [
                {
                    "name": worker.name,
                    "state": worker.state,
                    "prompts": len(worker.follower.prompts),
                }
                for worker in farm.workers
            ],
        }


@asynccontextmanager
async def watching(dispatcher: Dispatcher, total: int, port: int | None) -> AsyncIterator[Watching]:
    """Shows the farm while the block runs, and once more at its end. `port`: of the metrics. Raises Refused."""
    watch = Watching(dispatcher, total)
    async with metrics_served(port, watch.status):
        task = asyncio.ensure_future(watch.run())
        try:
            yield watch
        finally:
            task.cancel()
            watch.show(is_last=True)


def progress_line(status: Mapping[str, Any]) -> str:
    """One line of about 100 letters."""
    left = status["seconds_left"]
    remaining = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02} left" if left is not None else "no rate yet"
    servers = sum(server["state"] == AT_WORK for server in status["servers"])
    return (
        f"{status['done']}/{status['total']} done, {status['failed']} failed, {status['running']} running on {servers} "
        f"server{'' if servers == 1 else 's'}, {status['jobs_per_minute']:.1f}/min, {remaining}"
    )
