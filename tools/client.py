"""A client for one ComfyUI server: submit a prompt, follow it over the websocket, read what it made."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

PROGRESS_TEXT = (3).to_bytes(4, "big")  # begins the websocket's messages that are sentences for a node
Prompt = dict[str, dict[str, Any]]  # {node id: {"class_type": ..., "inputs": {...}}}


class PromptRejected(RuntimeError):
    """The server refused the prompt before running it. `node_errors`: {node id: list of messages}."""

    def __init__(self, reply: dict[str, Any]) -> None:
        self.node_errors = {
            node: [f"{error['message']}: {error['details']}" for error in errors["errors"]]
            for node, errors in (reply.get("node_errors") or {}).items()
        }
        summary = [reply["error"]["message"], *(f"node {node}: {line}" for node, line in self.node_errors.items())]
        super().__init__("\n".join(summary))


class PromptFailed(RuntimeError):
    """A node raised while the prompt ran. `node`: its id; `message`: what it said."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.node: str = data["node_id"]
        self.message: str = data["exception_message"].strip()
        super().__init__(f"{data['node_type']} (node {self.node}): {self.message}")


@dataclass(frozen=True)
class Event:
    """One message of the websocket."""

    kind: str  # the server's type of message, such as "progress"
    data: dict[str, Any]  # of the message; {"node", "value", "max"} of "progress"


def _said(message: bytes) -> Event:
    """A sentence that a node shows on itself: the length of the node's id, the id, the text."""
    end = 8 + int.from_bytes(message[4:8], "big")
    return Event("progress_text", {"node": message[8:end].decode(), "text": message[end:].decode()})


@dataclass
class Result:
    """What one prompt did."""

    prompt_id: str  # the server's id of the prompt
    status: str = "success"  # "success" or "interrupted"
    cached: set[str] = field(default_factory=set)  # ids of the nodes that did not run, because their results were there
    executed: list[str] = field(default_factory=list)  # ids of the nodes that ran, in their order
    outputs: dict[str, list[dict[str, str]]] = field(default_factory=dict)  # for each node id, the files that it wrote
    said: dict[str, str] = field(default_factory=dict)  # the sentence that a node shows on itself, per node id


class Client:
    """One connection, used from one thread; a context manager."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._id = str(uuid.uuid4())
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> "Client":
        self._loop.run_until_complete(self._connect())
        return self

    def __exit__(self, *exception: object) -> None:
        self._loop.run_until_complete(self._session.close())
        self._loop.close()

    async def _connect(self) -> None:
        self._session = aiohttp.ClientSession(self.url)
        self._socket = await self._session.ws_connect(f"/ws?clientId={self._id}", max_msg_size=0)

    def get(self, path: str) -> Any:
        return self._loop.run_until_complete(self._request("GET", path, None))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._loop.run_until_complete(self._request("POST", path, body))

    async def _request(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        async with self._session.request(method, path, json=body) as reply:
            text = await reply.text()
            if path == "/prompt" and reply.status == 400:
                raise PromptRejected(json.loads(text))
            reply.raise_for_status()
            return json.loads(text) if text else None

    def object_info(self) -> dict[str, Any]:
        """{node id: how the server describes the node}, of all its nodes."""
        info: dict[str, Any] = self.get("/object_info")
        return info

    def interrupt(self, prompt_id: str) -> None:
        self.post("/interrupt", {"prompt_id": prompt_id})

    def submit(self, prompt: Prompt, workflow: dict[str, Any] | None = None) -> str:
        """Queue a prompt and return its id. `workflow`, the graph as the canvas draws it, goes into the saved files."""
        prompt_id = str(uuid.uuid4())
        extra = {"extra_pnginfo": {"workflow": workflow}} if workflow else {}
        body = {"prompt": prompt, "prompt_id": prompt_id, "client_id": self._id, "extra_data": extra}
        self.post("/prompt", body)
        return prompt_id

    def events(self, prompt_id: str) -> Iterator[Event]:
        """The events of one prompt, until the server is done with it."""
        while True:
            message = self._loop.run_until_complete(self._socket.receive())
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                raise ConnectionError("The server closed the connection.")
            if message.type is aiohttp.WSMsgType.BINARY and message.data[:4] == PROGRESS_TEXT:
                yield _said(message.data)
            if message.type is not aiohttp.WSMsgType.TEXT:  # previews are binary
                continue
            content = json.loads(message.data)
            event = Event(content["type"], content["data"])
            if event.data.get("prompt_id") != prompt_id:
                continue
            yield event
            if event.kind == "executing" and event.data["node"] is None:
                return

    def follow(self, prompt_id: str, on_event: Callable[[Event], None] = lambda event: None) -> Result:
        """Wait for a prompt, showing each event to `on_event`. Raises PromptFailed when a node raised."""
        result = Result(prompt_id)
        error: PromptFailed | None = None
        for event in self.events(prompt_id):
            on_event(event)
            if event.kind == "execution_cached":
                result.cached.update(event.data["nodes"])
            elif event.kind == "executing" and event.data["node"]:
                result.executed.append(event.data["node"])
            elif event.kind == "executed":
                result.outputs[event.data["node"]] = (event.data["output"] or {}).get("images", [])
            elif event.kind == "progress_text":
                result.said[event.data["node"]] = event.data["text"]
            elif event.kind == "execution_interrupted":
                result.status = "interrupted"
            elif event.kind == "execution_error":
                error = PromptFailed(event.data)
        if error:
            raise error
        return result

    def run(
        self,
        prompt: Prompt,
        workflow: dict[str, Any] | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
    ) -> Result:
        """Submit a prompt and wait for it."""
        return self.follow(self.submit(prompt, workflow), on_event)
