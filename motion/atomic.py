"""Files that are there as a whole or not at all."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = ("no space left on device", "os error 28", "os error 112", "disk quota exceeded")
"""What errors of a full disk say; torch's say nothing of the kind."""
HARDLY_ANY = 1 << 20
"""Bytes; with less on a disk, any error while a file is written is taken for that of a full disk."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write to, next to `path`, whose place it takes when the block ends; an error removes it instead.

    So a reader never sees half a file, and whoever is interrupted or killed leaves what was there before.
    """
    check_writable(path)
    unfinished = _unfinished(path)
    try:
        with telling_of_full_disk(path):
            yield unfinished
            os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def telling_of_full_disk(path: Path) -> Iterator[None]:
    """While `path` is written: says that its disk is full, where what writes the file says so in other words or not at all."""
    try:
        yield
    except Exception as error:
        if not _is_of_full_disk(error, path.parent):
            raise
        raise OSError(
            f'"{path}" cannot be written: No space left on device. Delete files that you no longer need from this disk, '
            "then run the workflow again."
        ) from error


def _is_of_full_disk(error: Exception, folder: Path) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    said = str(error).lower()
    return any(sign in said for sign in FULL) or shutil.disk_usage(folder).free < HARDLY_ANY


def check_writable(path: Path, remedy: str = "Choose another name") -> None:
    """Makes the folder of `path`. Raises OSError, with a `remedy`, where no file can be written there, before what it is to
    contain is made."""
    probe = _unfinished(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise type(error)(
            f'"{path}" cannot be written: {error.strerror}. {remedy}, or see whether the folder can be written to.'
        ) from None


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.part")
