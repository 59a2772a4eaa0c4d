"""From a server's record of a prompt to files in the output folder: fetched aside, then renamed as a whole."""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..graph.job_lines import RESERVED
from ..servers.link import Answered, ServerLink
from .output_folder import OutputFolder

UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
MAX_NAME = 120  # letters


class Gone(RuntimeError):
    """A file that the server's record names, and that the server no longer has."""


class FolderFailed(RuntimeError):
    """The output folder cannot be written: no job can be finished until the user has fixed it."""


@dataclass(frozen=True)
class Fetched:
    """One file of a result."""

    name: str  # below the job's folder
    size: int  # bytes
    sha256: str  # of the file: tells whether it is whole, not whether two results are equal
    node: str  # id of the node that made it
    kind: str  # "images", "gifs", "video", "audio", ... as the node calls it

    def line(self) -> dict[str, Any]:
        return {"name": self.name, "size": self.size, "sha256": self.sha256, "node": self.node, "kind": self.kind}


def entries_of(outputs: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(node id, kind, {"filename", "subfolder", "type"}) of every file that a record names. Values are the server's."""
    for node, kinds in outputs.items():
        if not isinstance(kinds, dict):
            continue
        for kind, found in kinds.items():
            for entry in found if isinstance(found, list) else [found]:
                if isinstance(entry, dict) and isinstance(entry.get("filename"), str):
                    yield str(node), str(kind), entry


async def deliver(
    link: ServerLink, outputs: Mapping[str, Any], folder: OutputFolder, job_id: str, prompt_id: str
) -> list[Fetched]:
    """Fetches every file and puts them into results/`job_id`, in place of those of an earlier job of that name.

    Raises Gone, FolderFailed, and what the link raises.
    """
    aside = folder.aside / prompt_id
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        fetched: list[Fetched] = []
        for node, kind, entry in entries_of(outputs):
            name = _free_name(entry["filename"], {file.name.casefold() for file in fetched})
            fetched.append(await _fetch(link, entry, aside / name, node, kind))
        _replace(folder.results / job_id, aside, folder.aside / f"{prompt_id}.old")
    except OSError as error:
        if isinstance(error, ConnectionError):
            raise
        reason = "the disk is full" if error.errno == errno.ENOSPC else str(error)
        raise FolderFailed(f"{folder.path} cannot be written: {reason}") from error
    finally:  # also when the server is lost, and another one runs the job under another prompt's id
        shutil.rmtree(aside, ignore_errors=True)
    return fetched


async def _fetch(link: ServerLink, entry: Mapping[str, Any], file: Path, node: str, kind: str) -> Fetched:
    query = {name: str(entry.get(name) or "") for name in ("filename", "subfolder", "type")}
    digest, size = hashlib.sha256(), 0
    try:
        with file.open("wb") as opened:
            async for block in link.download(query):
                opened.write(block)
                digest.update(block)
                size += len(block)
            opened.flush()
            os.fsync(opened.fileno())
    except Answered as error:
        raise Gone(f"{link.name} has no file {query['filename']} any more ({error})") from error
    return Fetched(file.name, size, digest.hexdigest(), node, kind)


def _replace(target: Path, aside: Path, old: Path) -> None:
    if target.exists():
        os.replace(target, old)
    os.replace(aside, target)
    shutil.rmtree(old, ignore_errors=True)


def _free_name(given: str, taken: set[str]) -> str:
    """A name for a file, whatever the server calls it: no path, nothing that a system treats in its own way."""
    name = UNSAFE.sub("_", given.replace("\\", "/").split("/")[-1]).lstrip(".")[-MAX_NAME:] or "file"
    name = f"_{name}" if RESERVED.fullmatch(name) else name.rstrip(".")
    stem, dot, ending = name.rpartition(".")
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{stem}-{number}{dot}{ending}" if dot else f"{name}-{number}"
    return free
