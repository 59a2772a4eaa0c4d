"""Reading model files that may be hostile: sizes are checked before anything is allocated, no code is ever run.

Tensors are read and not mapped into memory, so a file may be overwritten while its tensors are in use.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch

from .first_bytes import ENOUGH, check_start
from .safetensors_file import DTYPES, safetensors_table
from .stored import NotReadable, Stored, Table, TensorInfo, damaged
from .torch_file import torch_table

__all__ = ["DTYPES", "ModelFile", "MotionFileError", "TensorInfo", "opened", "read_header", "read_tensors"]


class MotionFileError(ValueError):
    """A file that is not what the user took it for; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class _State:
    """What changes when a file is written to."""

    size: int  # in bytes
    written: int  # when it was last written to, in nanoseconds


@dataclass(frozen=True)
class ModelFile:
    """A model file that is open for reading."""

    path: Path  # as the user chose it
    stream: BinaryIO  # open until the file is closed
    state: _State  # when it was opened
    table: Table  # its tensors by name, none of them read yet

    @property
    def header(self) -> dict[str, TensorInfo]:
        """Names, shapes and types of its tensors."""
        return {name: stored.info for name, stored in self.table.tensors.items()}

    @property
    def metadata(self) -> Mapping[str, str]:
        """The notes in a .safetensors file; none in other files."""
        return self.table.metadata

    def read(self, names: Iterable[str] | None = None) -> dict[str, torch.Tensor]:
        """The tensors with these `names`, all if None, in memory of their own. Raises MotionFileError, also if the file was
        written to since it was opened."""
        return {name: self.stacked([name]) for name in (self.table.tensors if names is None else names)}

    def stacked(self, names: Sequence[str], memory: torch.Tensor | None = None) -> torch.Tensor:
        """The same for several tensors as one, each below the one before; in the bytes of `memory` (n,) if that is given."""
        stored = [self.table.tensors[name] for name in names]
        try:
            with _explained(self.path):
                return _read(self.stream, stored, memory)
        finally:
            self.check_unchanged()

    def check_unchanged(self) -> None:
        now = _state(self.stream)
        if now != self.state:
            raise MotionFileError(
                f'"{self.path.name}" was modified while it was being read: it had {self.state.size} bytes, and now '
                f"it has {now.size}. Run the workflow again when the file is complete."
            )


def is_safetensors(path: Path) -> bool:
    return path.suffix.lower() in (".safetensors", ".sft")


@contextmanager
def opened(path: Path) -> Iterator[ModelFile]:
    """The model file at `path`, of which only the table of tensors has been read. Raises MotionFileError."""
    with _explained(path):
        stream = path.open("rb")
    with stream:
        state = _state(stream)
        with _explained(path):
            check_start(stream.read(ENOUGH), path.name, state.size, is_safetensors(path))
            table = (safetensors_table if is_safetensors(path) else torch_table)(stream, state.size)
        yield ModelFile(path, stream, state, table)


def read_header(path: Path) -> dict[str, TensorInfo]:
    """Names, shapes and types of the tensors in `path`."""
    with opened(path) as file:
        return file.header


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of `path`, in memory of their own."""
    with opened(path) as file:
        return file.read()


def _state(stream: BinaryIO) -> _State:
    stat = os.fstat(stream.fileno())
    return _State(stat.st_size, stat.st_mtime_ns)


def _read(stream: BinaryIO, parts: Sequence[Stored], memory: torch.Tensor | None = None) -> torch.Tensor:
    """The tensors of `parts`, one below the other, in the bytes of `memory` or in new ones."""
    if len(parts) > 1 and (any(part.stride for part in parts) or len({part.info.dtype for part in parts}) > 1):
        return torch.cat([_read(stream, [part]) for part in parts])
    size = sum(part.extent for part in parts)
    numbers = torch.empty(size, dtype=torch.uint8) if memory is None else memory[:size]
    end = 0
    for part in parts:
        start, end = end, end + part.extent
        stream.seek(part.start)
        if stream.readinto(numbers[start:end].numpy().data) < part.extent:  # type: ignore[attr-defined]
            raise damaged("it ends before its last tensor")
    whole, first = numbers.view(parts[0].info.dtype), parts[0]
    if first.stride is not None:
        return whole.as_strided(first.info.shape, first.stride).contiguous()
    return whole.view(first.info.shape) if len(parts) == 1 else whole.view(-1, *first.info.shape[1:])


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns whatever goes wrong while reading `path` into words for the user; what the library says goes to the log."""
    try:
        yield
    except NotReadable as error:
        raise MotionFileError(f'"{path.name}" {error}') from None
    except FileNotFoundError:
        raise MotionFileError(f'"{path.name}" no longer exists. Press R to refresh the list of files.') from None
    except OSError as error:
        logging.warning('"%s": %s', path.name, error)
        raise MotionFileError(
            f'"{path.name}" cannot be read from the disk. Check that ComfyUI has permission to read the file and that no '
            "other program is using it."
        ) from None
    except Exception as error:  # readers raise nearly anything for a damaged file
        logging.warning('"%s": %s: %s', path.name, type(error).__name__, error)
        raise MotionFileError(f'"{path.name}" {damaged("its table of tensors cannot be read")}') from None
