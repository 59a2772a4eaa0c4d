"""A server that is reached over HTTP."""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from ..graph.job import LocalFile
from .address import Address
from .link import UPLOAD_FIELDS, Answered, LinkLost

BLOCK = 2**20  # bytes
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=120)
HEARTBEAT = 20  # seconds after which a connection that says nothing is asked whether it is there
LOST = (aiohttp.ClientError, TimeoutError, OSError, ssl.SSLError)


class HttpLink:
    """One session, which checks certificates of https."""

    def __init__(self, address: Address, name: str = "") -> None:
        self.name = name or address.name
        self._address = address
        auth = aiohttp.BasicAuth(address.user, address.password) if address.user else None
        self._session = aiohttp.ClientSession(auth=auth, timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())

    async def request(self, method: str, path: str, body: Any = None, query: Mapping[str, str] | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data is not None else None
        try:
            async with self._session.request(
                method, self._url(path), data=data, headers=headers, params=self._query(query), allow_redirects=False
            ) as reply:
                return await self._checked(reply)
        except LOST as error:
            raise self._lost(error) from None

    async def upload(self, file: LocalFile) -> None:
        form = aiohttp.FormData(UPLOAD_FIELDS)
        try:
            with file.path.open("rb") as content:
                form.add_field("image", content, filename=file.name_on_server)
                async with self._session.post(
                    self._url("/upload/image"), data=form, params=self._query(None), allow_redirects=False
                ) as reply:
                    await self._checked(reply)
        except LOST as error:
            raise self._lost(error) from None

    async def download(self, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        try:
            async with self._session.get(self._url("/view"), params=self._query(query), allow_redirects=False) as reply:
                if reply.status != 200:
                    await self._checked(reply)
                    raise Answered(reply.status, "no file")
                async for block in reply.content.iter_chunked(BLOCK):
                    yield block
        except LOST as error:
            raise self._lost(error) from None

    async def messages(self, client_id: str) -> AsyncIterator[dict[str, Any]]:
        query = self._query({"clientId": client_id})
        try:
            async with self._session.ws_connect(
                self._url("/ws"), params=query, heartbeat=HEARTBEAT, max_msg_size=0
            ) as socket:
                yield {}
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:  # others are previews
                        yield json.loads(message.data)
        except LOST as error:
            raise self._lost(error) from None

    async def close(self) -> None:
        await self._session.close()

    def _url(self, path: str) -> str:
        return self._address.url + path

    def _query(self, query: Mapping[str, str] | None) -> dict[str, str]:
        return {**dict(self._address.query), **(query or {})}

    async def _checked(self, reply: aiohttp.ClientResponse) -> bytes:
        body = await reply.read()
        if reply.status >= 500 and reply.status != 500:  # a gateway that does not reach its server
            raise LinkLost(f"HTTP {reply.status}")
        if reply.status != 200:
            raise Answered(reply.status, self._address.without_secrets(body.decode("utf-8", "replace")))
        return body

    def _lost(self, error: BaseException) -> LinkLost:
        said = self._address.without_secrets(f"{type(error).__name__}: {error}")
        return error if isinstance(error, LinkLost) else LinkLost(said)
