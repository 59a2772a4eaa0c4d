"""What runs on a node of a Ray cluster: one ComfyUI server, and the process that passes everything on to it."""

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ..graph.job import LocalFile
from ..graph.refused import Refused
from .address import Address
from .http_link import HttpLink
from .link import LinkLost
from .local_servers import LocalServer, start, wait_for_end
from .own_comfyui import comfyui_folder, device_flags, python_of


class ServerActor:
    """An actor with a server as its child. The server listens on the node's loopback only, and ends with the actor.

    Ray starts an actor that died again, on any node with a free GPU, and the server with it.
    """

    def __init__(self, name: str, run: str, flags: Sequence[str]) -> None:
        self._name = name
        self._folder = Path(tempfile.gettempdir()) / f"kinema-farm-{run}-{name}"
        self._refused = ""  # why there is no server
        self._server: LocalServer | None = None
        try:
            comfyui = comfyui_folder()
            (own,) = device_flags(1, flags)
            program = [python_of(comfyui), str(comfyui / "main.py")]
            self._server = start(name, program, [*own, *flags], self._folder, count=1)
        except Refused as refused:
            self._refused = f"{name} on {socket.gethostname()}: {refused}"

    @cached_property
    def _link(self) -> HttpLink:
        """Made on the first call, because a session needs a running event loop."""
        if self._server is None:
            raise LinkLost(self._refused)
        return HttpLink(Address(self._server.url), self._name)

    async def ready(self) -> str | None:
        """None once the server answers; otherwise why there is none."""
        if self._server is None:
            return self._refused
        try:
            await self._server.wait_until_ready(self._link)
        except Refused as refused:
            return f"{socket.gethostname()}: {refused}"
        return None

    async def request(self, method: str, path: str, body: Any, query: Mapping[str, str] | None) -> bytes:
        return await self._link.request(method, path, body, query)

    async def upload(self, name: str, sha256: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            file = Path(folder) / name
            file.write_bytes(content)
            await self._link.upload(LocalFile(file, sha256))

    async def download(self, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        async for block in self._link.download(query):
            yield block

    async def messages(self, client_id: str) -> AsyncIterator[dict[str, Any]]:
        async for message in self._link.messages(client_id):
            yield message

    async def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            await asyncio.to_thread(wait_for_end, self._server)
        shutil.rmtree(self._folder, ignore_errors=True)
