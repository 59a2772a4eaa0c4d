"""Files that are there as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write to, next to `path`, whose place it takes when the block ends; an error removes it instead.

    So a reader never sees half a file, and whoever is interrupted or killed leaves what was there before.
    """
    check_writable(path)
    unfinished = _unfinished(path)
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Makes the folder of `path`. Raises OSError where no file can be written there, before what it is to contain is made."""
    probe = _unfinished(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise type(error)(
            f'"{path}" cannot be written: {error.strerror}. Choose another name, or see whether the folder can be written to.'
        ) from None


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.part")
