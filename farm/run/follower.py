"""Follows a server's prompts to their end, over connections that may break."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from ..servers.link import Answered, LinkLost, ServerLink, get_json

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds between two tries to connect
LOOK = 30.0  # seconds between checks of the queue while the connection is there: a message may be lost


@dataclass(slots=True)
class Waiting:
    """A prompt whose end is waited for."""

    ended: "asyncio.Future[None]" = field(  # done at the prompt's end; Lost when it was taken back from the server
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    is_sent: bool = False  # whether the server may have it
    started: float | None = None  # when it began to run, by time.monotonic
    heard: float = field(default_factory=time.monotonic)  # when the server last spoke of it

    def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


Queue = dict[str, dict[str, Any]]  # {prompt id: its extra data}


class Follower:
    """One server's prompts. `prompts` is kept by the worker; `run` ends their futures."""

    def __init__(self, link: ServerLink, client_id: str, on_connect: Callable[[Queue, Queue], Awaitable[None]]) -> None:
        self.prompts: dict[str, Waiting] = {}
        self.connected = asyncio.Event()
        self.lost_since: float | None = time.monotonic()  # None while connected
        self.last_error = "no answer yet"
        self._link = link
        self._client_id = client_id
        self._on_connect = on_connect

    async def run(self) -> None:
        """Until it is cancelled."""
        pause = FIRST_PAUSE
        while True:
            try:
                async for message in self._link.messages(self._client_id):
                    if not message:
                        running, pending = await self.look()
                        await self._on_connect(running, pending)
                        await self.look()  # what was adopted may have ended before anybody listened
                        pause = FIRST_PAUSE
                        self.lost_since = None
                        self.connected.set()
                    else:
                        self._hear(message)
                self.last_error = "the server closed the connection"
            except (LinkLost, Answered) as error:
                self.last_error = str(error)
            self.connected.clear()
            self.lost_since = self.lost_since or time.monotonic()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def look_regularly(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            try:
                if self.prompts and self.connected.is_set():
                    await self.look()
            except (LinkLost, Answered) as error:
                self.last_error = str(error)

    async def look(self) -> tuple[Queue, Queue]:
        """What runs and what waits on the server. Prompts that do neither have ended, or are lost with it."""
        before = [prompt_id for prompt_id, waiting in self.prompts.items() if waiting.is_sent]
        content = await get_json(self._link, "/queue")
        running = _by_id(content["queue_running"])
        pending = _by_id(content["queue_pending"])
        for prompt_id in before:
            waiting = self.prompts.get(prompt_id)
            if waiting is None:
                continue
            if prompt_id in running:
                waiting.started = waiting.started or time.monotonic()
            elif prompt_id not in pending:
                waiting.end()
        return running, pending

    def _hear(self, message: dict[str, Any]) -> None:
        data = message.get("data")
        if not isinstance(data, dict):
            return
        waiting = self.prompts.get(str(data.get("prompt_id")))
        if waiting is None:
            return
        waiting.heard = time.monotonic()
        if message["type"] == "execution_start":
            waiting.started = waiting.heard
        elif message["type"] == "executing" and data.get("node") is None:
            waiting.end()


def _by_id(items: list[list[Any]]) -> Queue:
    """A queue's items are [number, prompt id, prompt, extra data, outputs]."""
    return {item[1]: item[3] if isinstance(item[3], dict) else {} for item in items}
