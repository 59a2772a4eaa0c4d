"""A server that is reached through a Ray actor on its node."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from ..graph.job import LocalFile
from .link import Answered, LinkLost

SILENT_SECONDS = 120.0  # until an actor that does not answer counts as lost: Ray may be waiting for a free node


class RayLink:
    """The methods of a `ServerActor`. What the actor raises arrives here; an actor that is gone is a lost connection."""

    def __init__(self, actor: Any, name: str) -> None:
        self.name = name
        self._actor = actor

    async def request(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> bytes:
        answer: bytes = await _answer(self._actor.request.remote(method, path, body, query))
        return answer

    async def upload(self, file: LocalFile) -> None:
        content = await asyncio.to_thread(file.path.read_bytes)
        await _answer(self._actor.upload.remote(file.path.name, file.sha256, content))

    async def download(self, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        async for block in _stream(self._actor.download.remote(query)):
            yield block

    async def messages(self, client_id: str) -> AsyncIterator[dict[str, Any]]:
        async for message in _stream(self._actor.messages.remote(client_id)):
            yield message

    async def ready(self) -> str | None:
        """None once the server answers, however long its actor waits for a GPU; otherwise why there is none."""
        try:
            refused: str | None = await self._actor.ready.remote()
        except RayError as error:
            return f"{self.name}: {_meaning(error)}"
        return refused

    async def stop(self) -> None:
        try:
            await self._actor.stop.remote()
        except RayError:  # it is gone already
            return

    async def close(self) -> None:
        """Ends nothing: the engine ends its actors."""


async def _answer(reference: Awaitable[Any]) -> Any:
    try:
        return await asyncio.wait_for(_awaited(reference), SILENT_SECONDS)
    except RayError as error:
        raise _meaning(error) from None
    except (asyncio.TimeoutError, TimeoutError):
        raise LinkLost(f"the actor did not answer for {SILENT_SECONDS:.0f} s") from None


async def _awaited(reference: Awaitable[Any]) -> Any:
    return await reference


async def _stream(references: Any) -> AsyncIterator[Any]:
    try:
        async for reference in references:
            yield await reference
    except RayError as error:
        raise _meaning(error) from None
    finally:
        ray.cancel(references)


def _meaning(error: RayError) -> Exception:
    if isinstance(error, RayTaskError):
        return error.cause if isinstance(error.cause, LinkLost | Answered) else error
    return LinkLost(f"the actor is gone: {str(error).splitlines()[0]}")
