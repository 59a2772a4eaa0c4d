"""The address of a server, and its name in logs and results: without passwords and tokens."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit

from ..graph.refused import Refused


@dataclass(frozen=True)
class Address:
    """Where a server is, and how to be let in."""

    url: str  # scheme, host, port and path
    user: str = field(default="", repr=False)  # of basic authentication
    password: str = field(default="", repr=False)  # of basic authentication
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # sent with every request, such as a token

    @property
    def name(self) -> str:
        """What logs and results call the server."""
        return self.url

    def without_secrets(self, text: str) -> str:
        """`text`, such as an error message, without what lets one in."""
        for secret in filter(None, (self.password, *(value for _, value in self.query))):
            for written in (quote(secret), quote_plus(secret), secret):
                text = text.replace(written, "***")
        return text


def parse(text: str) -> Address:
    """Of "http://host:port", "https://user:password@host/path" or "http://host:port/?token=...".

    Raises ValueError for anything else; the message names no secret.
    """
    parts = urlsplit(text if "://" in text else f"http://{text}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(
            f'a server\'s address begins with http:// or https:// and names a host; this one is "{_bare(parts)}"'
        )
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    return Address(_bare(parts), unquote(parts.username or ""), unquote(parts.password or ""), query)


def _bare(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def read_addresses(text: str) -> list[Address]:
    """Of addresses separated by commas, or of "@FILE", which has one on each line and may grow while the farm runs.

    Raises Refused with every address that cannot be read and every one that repeats.
    """
    errors: list[str] = []
    found: dict[str, Address] = {}
    for number, part in enumerate(_parts(text), 1):
        try:
            address = parse(part)
        except ValueError as error:
            errors.append(f"server {number}: {error}")
            continue
        if address.name in found:
            errors.append(f"server {number} is {address.name}, which is in the list already: give each server once")
        found[address.name] = address
    if errors:
        raise Refused(errors)
    return list(found.values())


def _parts(text: str) -> Iterable[str]:
    if not text.startswith("@"):
        return [part.strip() for part in text.split(",") if part.strip()]
    file = Path(text[1:])
    if not file.is_file():
        raise Refused([f"there is no file {file}: --servers @FILE names a file with one address on each line"])
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]
