"""The folder that a farm writes into: who may use it, and what is where."""

import json
import shutil
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..graph.refused import Refused
from ..whole_file import write_whole


@dataclass(frozen=True)
class OutputFolder:
    """An output folder that this process alone writes into, until `close`."""

    path: Path  # of the folder itself
    run: uuid.UUID  # of this folder for ever: tells its prompts on a server from those of others
    lock: IO[str]  # the open .lock file: the system lock lasts as long as it is open

    @property
    def results(self) -> Path:
        return self.path / "results"

    @property
    def aside(self) -> Path:
        """For results that are not complete."""
        return self.path / ".unfinished"

    def is_asked(self, wish: str) -> bool:
        """Whether the user has made a file "pause" or "drain" in the folder."""
        return (self.path / wish).exists()

    def close(self) -> None:
        self.lock.close()


def open_folder(path: Path) -> OutputFolder:
    """Makes the folder if needed. Raises Refused when it cannot be written, or another farm is at work in it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("a+")
    except OSError as error:
        raise Refused([f"--out {path} cannot be written: {error}"]) from error
    if not _locks(lock.fileno()):
        lock.close()
        raise Refused([f"another farm command is using {path}: wait until it ends, stop it, or name another --out"])
    folder = OutputFolder(path, _run_of(path / "run.json"), lock)
    folder.results.mkdir(exist_ok=True)
    shutil.rmtree(folder.aside, ignore_errors=True)
    folder.aside.mkdir(exist_ok=True)
    return folder


def _run_of(file: Path) -> uuid.UUID:
    if file.is_file():
        return uuid.UUID(json.loads(file.read_text(encoding="utf-8"))["run"])
    run = uuid.uuid4()
    write_whole(file, json.dumps({"run": str(run)}))
    return run


def _locks(descriptor: int) -> bool:
    """The system releases the lock however the process ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
