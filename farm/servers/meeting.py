"""All servers asked once, before the first job: what they have in common, and which of them differ."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..graph.refused import Refused
from ..whole_file import write_whole
from .facts import Facts, ask
from .link import Answered, LinkLost, ServerLink

ANSWER_SECONDS = 60.0  # until a server counts as one that does not answer
TRY_SECONDS = 5.0  # for which one that cannot be reached is tried again: a connection may break at any moment


@dataclass(frozen=True)
class Meeting:
    """What the servers answered before the first job."""

    facts: Mapping[str, Facts]  # by the servers' names
    silent: Mapping[str, str]  # {name: why} of those that did not answer

    @property
    def first(self) -> Facts:
        return next(iter(self.facts.values()))

    @property
    def listing(self) -> dict[str, dict[str, int]]:
        """{folder: {file: bytes}} of the model files of the first server."""
        return {
            folder: {name: file.size for name, file in files.items()} for folder, files in self.first.models.items()
        }

    @property
    def max_upload(self) -> int:
        return min(facts.max_upload for facts in self.facts.values())


async def meet(links: Sequence[ServerLink]) -> Meeting:
    """Raises Refused when no server answers."""
    answers = await asyncio.gather(*(_asked(link) for link in links))
    facts = {name: answer for name, answer in answers if isinstance(answer, Facts)}
    silent = {name: answer for name, answer in answers if isinstance(answer, str)}
    if not facts:
        raise Refused([f"{name} does not answer: {why}" for name, why in silent.items()])
    return Meeting(facts, silent)


async def _asked(link: ServerLink) -> tuple[str, Facts | str]:
    try:
        return link.name, await asyncio.wait_for(_reached(link), ANSWER_SECONDS)
    except (LinkLost, Answered) as error:
        return link.name, str(error)
    except (asyncio.TimeoutError, TimeoutError):
        return link.name, f"no answer for {ANSWER_SECONDS:.0f} s"


async def _reached(link: ServerLink) -> Facts:
    loop = asyncio.get_running_loop()
    last = loop.time() + TRY_SECONDS
    while True:
        try:
            return await ask(link)
        except LinkLost:
            if loop.time() > last:
                raise
            await asyncio.sleep(0.3)


class ModelHashes:
    """The sha256 of model files that this machine sees, kept in the output folder: such files are large.

    Of a file that is not here, as on another machine, the hash is used that a file of its name and size had.
    """

    def __init__(self, folder: Path, meeting: Meeting) -> None:
        self._file = folder / "models.json"
        self._known: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8")) if self._file.is_file() else {}
        self._meeting = meeting
        self._facts: dict[str, list[Any] | None] = {}

    def fact(self, name: str) -> list[Any] | None:
        """[bytes, sha256 or None] of a model file "folder/name"; None for one that no server has."""
        if name not in self._facts:
            folder, _, file_name = name.partition("/")
            there = [facts.models.get(folder, {}).get(file_name) for facts in self._meeting.facts.values()]
            found = [file for file in there if file]
            paths = [file.path for file in found if file.path]
            self._facts[name] = [found[0].size, self._sha256(name, found[0].size, paths)] if found else None
        return self._facts[name]

    def save(self) -> None:
        write_whole(self._file, json.dumps(self._known, indent=1))

    def _sha256(self, name: str, size: int, paths: Sequence[Path]) -> str | None:
        for path in paths:
            try:
                state = path.stat()
            except OSError:
                continue
            if state.st_size == size:
                mark = f"{name} {size} {state.st_mtime_ns}"
                if mark not in self._known:
                    self._known[mark] = _hashed(path)
                self._known[f"{name} {size}"] = self._known[mark]
                return str(self._known[mark])
        known = self._known.get(f"{name} {size}")
        return str(known) if known else None


def _hashed(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**22):
            digest.update(block)
    return digest.hexdigest()
