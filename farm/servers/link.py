"""What the farm asks of a server, whichever way leads there."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from ..graph.job import UPLOAD_FOLDER, LocalFile


class LinkLost(ConnectionError):
    """No answer: the server, the connection or the relay between is gone, for now or for good."""


class Answered(RuntimeError):
    """An answer that reports a failure. `status`: of HTTP; `body`: its text."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(status, body)  # as they are, so that the error can be sent to another process
        self.status = status
        self.body = body

    def __str__(self) -> str:
        return f"HTTP {self.status}: {self.body[:300]}"


class ServerLink(Protocol):
    """A way to one ComfyUI server."""

    name: str  # for people: no passwords or tokens

    async def request(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> bytes:
        """The answer's body. Raises LinkLost or Answered."""
        ...

    async def upload(self, file: LocalFile) -> None:
        """Puts a file among the server's inputs, where `filled` names it."""
        ...

    def download(self, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """The blocks of a file that /view hands out. Raises LinkLost or Answered."""
        ...

    def messages(self, client_id: str) -> AsyncIterator[dict[str, Any]]:
        """What the server says to a client, until the connection ends. The first one is empty: it is connected."""
        ...

    async def close(self) -> None: ...


async def get_json(link: ServerLink, path: str, query: Mapping[str, str] | None = None) -> Any:
    """Raises LinkLost or Answered, also for an answer that is not JSON, such as the page of a login."""
    answer = await link.request("GET", path, query=query)
    try:
        return json.loads(answer)
    except ValueError:
        raise Answered(200, f"{path} is not JSON: {answer[:100]!r}") from None


async def post(link: ServerLink, path: str, body: Mapping[str, Any]) -> Any:
    answer = await link.request("POST", path, body)
    return json.loads(answer) if answer.strip() else None


UPLOAD_FIELDS = {"type": "input", "subfolder": UPLOAD_FOLDER, "overwrite": "false"}
