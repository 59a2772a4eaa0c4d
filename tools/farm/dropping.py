"""A connection to a server that breaks when it is told to: what is on its way is lost, and nothing gets through for a
while."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

BLOCK = 2**16  # bytes


class Dropping:
    """Passes on what it gets, at an address of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname
        self._port = parts.port
        self._open: set[asyncio.StreamWriter] = set()
        self._is_down = False
        self.url = ""
        self.dropped = 0  # connections so far

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def drop(self, seconds: float) -> None:
        """Breaks every connection, and refuses new ones for `seconds`."""
        self._is_down = True
        self.dropped += len(self._open) // 2
        for writer in self._open:
            writer.transport.abort()
        await asyncio.sleep(seconds)
        self._is_down = False

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_down:
            writer.transport.abort()
            return
        try:
            back, forth = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, forth}
        self._open |= ends
        await asyncio.gather(_copy(reader, forth), _copy(back, writer))
        self._open -= ends


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while block := await source.read(BLOCK):
            target.write(block)
            await target.drain()
    except OSError:
        target.transport.abort()
    finally:
        target.close()


@asynccontextmanager
async def dropping(urls: list[str]) -> AsyncIterator[list[Dropping]]:
    """One such connection to each of the servers."""
    proxies = [Dropping(url) for url in urls]
    servers = [await proxy.serve() for proxy in proxies]
    try:
        yield proxies
    finally:
        for server in servers:
            server.close()
