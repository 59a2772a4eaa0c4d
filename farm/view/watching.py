"""The progress line, and the views that are written while the farm runs."""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from ..run.dispatcher import Dispatcher

UPDATE_SECONDS = 2.0  # between two updates
LINE_SECONDS = 60.0  # between two progress lines where the output is no terminal


@dataclass
class Watching:
    """Shows a farm as long as the block runs."""

    dispatcher: Dispatcher
    total: int  # jobs, also those on record
    port: int | None = None  # of the metrics
    start: float = field(default_factory=time.monotonic)
    last_line: float = -LINE_SECONDS
    task: "asyncio.Task[None] | None" = None

    async def __aenter__(self) -> "Watching":
        self.task = asyncio.ensure_future(self._watch())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self.task is not None
        self.task.cancel()
        self._show(is_last=True)

    async def _watch(self) -> None:
        while True:
            self._show(is_last=False)
            await asyncio.sleep(UPDATE_SECONDS)

    def _show(self, is_last: bool) -> None:
        status = self.status()
        write_json(self.dispatcher.folder.path / "status.json", status)
        is_terminal = sys.stdout.isatty()
        if is_terminal or is_last or time.monotonic() - self.last_line >= LINE_SECONDS:
            self.last_line = time.monotonic()
            print(
                ("\r" if is_terminal else "") + line(status), end="\n" if is_last or not is_terminal else "", flush=True
            )

    def status(self) -> dict[str, Any]:
        farm = self.dispatcher
        seconds = time.monotonic() - self.start
        rate = len(farm.done) / seconds if seconds else 0.0
        waiting = len(farm.pending) + len(farm.in_flight)
        return {
            "total": self.total,
            "done": len(farm.ledger.done),
            "failed": len(farm.ledger.failed),
            "waiting": len(farm.pending),
            "running": len(farm.in_flight),
            "done_in_this_run": len(farm.done),
            "retried": farm.retried,
            "model_reloads": farm.reloads,
            "jobs_per_minute": round(60 * rate, 2),
            "seconds_left": round(waiting / rate) if rate else None,
            "is_paused": farm.is_paused,
            "at": round(time.time(), 1),
            "servers": [
                {
                    "name": worker.name,
                    "state": worker.dropped or ("at work" if worker.follower.lost_since is None else "does not answer"),
                    "prompts": len(worker.follower.prompts),
                }
                for worker in farm.workers
            ],
        }


def line(status: dict[str, Any]) -> str:
    """One line of at most 100 letters."""
    left = status["seconds_left"]
    remaining = f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02} left" if left is not None else "no rate yet"
    servers = sum(server["state"] == "at work" for server in status["servers"])
    return (
        f"{status['done']}/{status['total']} done, {status['failed']} failed, {status['running']} running on {servers} "
        f"servers, {status['jobs_per_minute']:.1f}/min, {remaining}"
    )


def write_json(file: Any, content: Any) -> None:
    """Whole or not at all, for a reader at any moment."""
    part = file.with_suffix(".part")
    try:
        part.write_text(json.dumps(content, indent=1), encoding="utf-8")
        os.replace(part, file)
    except OSError:  # a full disk: the results tell of it
        return
