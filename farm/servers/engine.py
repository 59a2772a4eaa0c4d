"""Where the servers come from: the user names them, or the farm starts them here or on a Ray cluster."""

import argparse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from ..graph.refused import Refused
from .address import read_addresses
from .http_link import HttpLink
from .link import ServerLink
from .local_servers import local_servers
from .ray_address import set_token


class Engine(Protocol):
    """Servers to begin with, and those that come later."""

    links: list[ServerLink]

    async def new_links(self) -> list[ServerLink]: ...


class NamedServers:
    """Servers that run already."""

    def __init__(self, text: str) -> None:
        self._text = text
        addresses = read_addresses(text)
        if not addresses:
            raise Refused(["--servers names no server: give at least one address"])
        self._known = {address.name for address in addresses}
        self.links: list[ServerLink] = [HttpLink(address) for address in addresses]

    async def new_links(self) -> list[ServerLink]:
        if not self._text.startswith("@"):
            return []
        try:
            found = [address for address in read_addresses(self._text) if address.name not in self._known]
        except Refused:  # the file is being written
            return []
        self._known |= {address.name for address in found}
        return [HttpLink(address) for address in found]


@asynccontextmanager
async def engine_of(options: argparse.Namespace, others: Sequence[str], out: Path) -> AsyncIterator[Engine]:
    """The engine that the command line asks for; what it starts ends with the block."""
    if options.local:
        async with local_servers(options.local, others, out.absolute()) as local:
            yield local
        return
    if options.ray:
        set_token(options.ray)
        from .ray_servers import ray_servers  # only here, because the other engines work without Ray

        async with ray_servers(options.ray, options.cpus, others) as on_ray:
            yield on_ray
        return
    named = NamedServers(options.servers)
    try:
        yield named
    finally:
        for link in named.links:
            await link.close()
