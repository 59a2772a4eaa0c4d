"""A stand-in for a ComfyUI server that "finishes" every prompt at once: for measuring what the farm's own work costs.

It computes nothing: results are the same bytes each time. No test of the farm's behaviour uses it.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

NODE = {
    "input": {
        "required": {
            "seed": ["INT", {"default": 0, "min": 0, "max": 2**63}],
            "filename_prefix": ["STRING", {"default": "stand-in"}],
        }
    },
    "output": [],
    "output_name": [],
    "output_node": True,
    "display_name": "Stand-in",
    "python_module": "nodes",
}
GRAPH = {"1": {"class_type": "StandIn", "inputs": {"seed": 0, "filename_prefix": "stand-in"}}}
MESSAGES = 24  # of the WebSocket for one prompt, as a run of 20 steps sends


@dataclass
class StandIn:
    """One server's state."""

    content: bytes  # of every result
    seconds: float  # that a prompt takes
    history: dict[str, Any] = field(default_factory=dict)  # entry of each prompt that has run, by its id
    waiting: dict[str, Any] = field(default_factory=dict)  # request of each prompt that has not run yet, by its id
    sockets: dict[str, web.WebSocketResponse] = field(default_factory=dict)  # open WebSocket of each client, by its id
    queue: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)  # ids of the prompts that wait, in their order

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**30)
        app.add_routes(
            [
                web.get("/system_stats", self._fixed({"system": {"comfyui_version": "stand-in"}, "devices": []})),
                web.get("/object_info", self._fixed({"StandIn": NODE})),
                web.get("/features", self._fixed({"max_upload_size": 2**30})),
                web.get("/experiment/models", self._fixed([])),
                web.get("/queue", self._queue),
                web.get("/history/{id}", self._history),
                web.post("/history", self._forget),
                web.post("/prompt", self._prompt),
                web.get("/view", self._view),
                web.get("/ws", self._socket),
            ]
        )
        return app

    def _fixed(self, content: Any) -> Any:
        async def answer(request: web.Request) -> web.Response:
            return web.json_response(content)

        return answer

    async def _prompt(self, request: web.Request) -> web.Response:
        content = await request.json()
        self.waiting[content["prompt_id"]] = content
        self.queue.put_nowait(content["prompt_id"])
        return web.json_response({"prompt_id": content["prompt_id"], "number": 1, "node_errors": {}})

    async def work(self) -> None:
        """One prompt after the other, until it is cancelled."""
        while True:
            prompt_id = await self.queue.get()
            content = self.waiting[prompt_id]
            await self._say(content["client_id"], "execution_start", prompt_id, {})
            for step in range(MESSAGES):
                await self._say(
                    content["client_id"], "progress", prompt_id, {"value": step, "max": MESSAGES, "node": "1"}
                )
            await asyncio.sleep(self.seconds)
            name = {"filename": "stand-in_00001_.mp4", "subfolder": prompt_id, "type": "output"}
            status = {"status_str": "success", "completed": True, "messages": []}
            entry = {"prompt": [1, prompt_id, content["prompt"], content["extra_data"], ["1"]], "status": status}
            self.history[prompt_id] = {**entry, "outputs": {"1": {"images": [name]}}}
            del self.waiting[prompt_id]
            await self._say(content["client_id"], "executing", prompt_id, {"node": None})

    async def _say(self, client: str, kind: str, prompt_id: str, data: dict[str, Any]) -> None:
        if (socket := self.sockets.get(client)) is not None and not socket.closed:
            await socket.send_str(json.dumps({"type": kind, "data": {**data, "prompt_id": prompt_id}}))

    async def _queue(self, request: web.Request) -> web.Response:
        items = [[1, name, {}, content["extra_data"], []] for name, content in self.waiting.items()]
        return web.json_response({"queue_running": items[:1], "queue_pending": items[1:]})

    async def _history(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        return web.json_response({name: self.history[name]} if name in self.history else {})

    async def _forget(self, request: web.Request) -> web.Response:
        for name in (await request.json())["delete"]:
            self.history.pop(name, None)
        return web.Response()

    async def _view(self, request: web.Request) -> web.Response:
        return web.Response(body=self.content)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets[request.query["clientId"]] = socket
        async for _ in socket:
            pass
        return socket


@asynccontextmanager
async def standing_in(count: int, size: int, seconds: float = 0.0) -> AsyncIterator[list[str]]:
    """The addresses of `count` stand-ins whose results have `size` bytes."""
    runners, urls, tasks = [], [], []
    for number in range(count):
        server = StandIn(bytes([number % 256]) * size, seconds)
        runner = web.AppRunner(server.application(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        tasks.append(asyncio.ensure_future(server.work()))
        urls.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield urls
    finally:
        for task in tasks:
            task.cancel()
        for runner in runners:
            await runner.cleanup()
