"""The table of tensors in a file of torch (.ckpt, .pt, .pth, .bin): a ZIP archive of a pickle and of the tensors' numbers.

Torch's own restricted reader reads the pickle and runs no code in it. The numbers stay where they are, so of a training
checkpoint no more needs to be read than the tensors that are wanted.
"""

import io
import logging
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import torch
from torch._weights_only_unpickler import Unpickler

from .pickled_objects import refusal
from .stored import NotReadable, Stored, Table, TensorInfo, damaged

TABLES = ("state_dict", "motion_model", "controlnet")
"""Names under which files keep their table of tensors, next to other things."""
MAX_PICKLE = 100_000_000
"""Bytes; a table of tensors has some hundred thousand."""


def torch_table(stream: BinaryIO, size: int) -> Table:
    """The tensors of a file of `size` bytes, each checked against that size. Raises nearly anything for a damaged file."""
    with zipfile.ZipFile(stream) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        _check_sizes(entries, size)
        pickled = _pickle_of(entries)
        folder = pickled.removesuffix("data.pkl")
        if f"{folder}byteorder" in entries and archive.read(f"{folder}byteorder") == b"big":
            raise NotReadable("was saved on a computer with another byte order. Get the model as .safetensors.")
        content = archive.read(pickled)
        storages = _Storages(
            {
                name.removeprefix(f"{folder}data/"): _Record(_start(stream, entry), entry.file_size)
                for name, entry in entries.items()
                if name.startswith(f"{folder}data/")
            }
        )
    named = _named_tensors(_unpickled(content, storages))
    tensors = {name: storages.place(tensor) for name, tensor in named.items() if tensor.layout == torch.strided}
    if sum(stored.info.nbytes for stored in tensors.values()) > size:
        raise damaged("its tensors are larger than the file")
    return Table(tensors)


def _check_sizes(entries: Mapping[str, zipfile.ZipInfo], size: int) -> None:
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values())
    if packed or sum(entry.file_size for entry in entries.values()) > size:
        raise damaged("its contents unpack to more than the size of the file, which never happens with a model file")


def _pickle_of(entries: Mapping[str, zipfile.ZipInfo]) -> str:
    """The name of the entry that is the table of tensors."""
    name = next((name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1), None)
    if name is None:
        raise NotReadable(
            f"is a ZIP archive (number of files: {len(entries)}), not a model. Unpack it and pick the model inside."
        )
    if entries[name].file_size > MAX_PICKLE:
        raise damaged(f"its table of tensors has {entries[name].file_size} bytes, more than any model needs")
    return name


def _start(stream: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """Where the content of an archive's entry begins: after the header in front of it, which ends with its name and notes."""
    stream.seek(entry.header_offset)
    header = stream.read(30)
    return entry.header_offset + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")


@dataclass(frozen=True)
class _Record:
    """Numbers in the file, which one or more tensors share."""

    start: int  # in bytes from the start of the file
    size: int  # in bytes


@dataclass
class _Storages:
    """Stands for the numbers while the pickle is read: storages without memory, and which record each is for."""

    records: Mapping[str, _Record]  # the archive's records of numbers, by the name that the pickle has for them
    made: dict[int, tuple[Any, _Record]] = field(default_factory=dict)  # by identity; kept alive, so that it is unique

    def load(self, identity: Any) -> Any:
        """The storage that a pickle names, torch's `persistent_load`."""
        _, kind, name, _, count = identity
        dtype = torch.uint8 if kind is torch.UntypedStorage else kind.dtype
        record = self.records.get(name)
        if record is None or not 0 <= count * dtype.itemsize <= record.size:
            raise damaged("its tensors are larger than the file")
        storage = torch.UntypedStorage(count * dtype.itemsize, device="meta")
        self.made[storage._cdata] = (storage, record)
        return torch.storage.TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)

    def place(self, tensor: torch.Tensor) -> Stored:
        """Where the numbers of an unpickled `tensor` are."""
        _, record = self.made[tensor.untyped_storage()._cdata]
        info = TensorInfo(tuple(tensor.shape), tensor.dtype)
        first = int(tensor.storage_offset()) * tensor.dtype.itemsize
        stored = Stored(info, record.start + first, None if tensor.is_contiguous() else tensor.stride())
        if first + stored.extent > record.size:
            raise damaged("its tensors are larger than the file")
        return stored


def _unpickled(content: bytes, storages: _Storages) -> Any:
    if b"_rebuild_sparse_tensor" in content:  # torch would check these at the next file that it reads, whoever's it is
        raise NotReadable("has sparse tensors, which Kinema does not read. Get the model as .safetensors.")
    reader = Unpickler(io.BytesIO(content), encoding="utf-8")
    reader.persistent_load = storages.load  # type: ignore[method-assign]
    try:
        return reader.load()
    except pickle.UnpicklingError as error:
        logging.warning("Torch refuses a file: %s", error)
        raise refusal(content) from None


def _named_tensors(content: Any) -> dict[str, torch.Tensor]:
    """The table of tensors in what a file contains, wherever it is; tables next to each other are one, each with its name
    in front."""
    for name in TABLES:
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if isinstance(content, list | tuple):
        raise NotReadable(
            f"contains a list of length {len(content)}, not a model, whose tensors have names. Pick another file."
        )
    if not isinstance(content, dict):
        raise NotReadable(
            f"contains a single {type(content).__name__}, not a model, which has many tensors. Pick another file."
        )
    if any(isinstance(value, torch.Tensor) for value in content.values()):
        return _tensors(content)
    inner = {name: table for name, table in content.items() if isinstance(table, dict)}
    return {f"{name}.{key}": tensor for name, table in inner.items() for key, tensor in _tensors(table).items()}


def _tensors(table: Mapping[Any, Any]) -> dict[str, torch.Tensor]:
    return {key: value for key, value in table.items() if isinstance(key, str) and isinstance(value, torch.Tensor)}
