"""The table of tensors at the start of a .safetensors file."""

import json
import math
from typing import Any, BinaryIO

import torch

from .stored import Stored, Table, TensorInfo, damaged, shown

MAX_HEADER = 100_000_000
"""Bytes; the limit of the safetensors format itself."""

DTYPES = {
    **{"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16},
    **{"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "C64": torch.complex64, "BOOL": torch.bool},
    **{"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8},
    **{"U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8},
}
"""The types of numbers in .safetensors files, by the format's own names."""


def safetensors_table(stream: BinaryIO, size: int) -> Table:
    """The tensors of a file of `size` bytes, each checked against that size: the format's own reader gives the last of two
    tensors with one name. Raises nearly anything for a damaged file."""
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    if size < 8 or length > min(MAX_HEADER, size - 8):
        raise damaged(f"its header claims to have {length} bytes, but the file has {size} bytes")
    header = json.loads(stream.read(length).decode(), object_pairs_hook=_unique, parse_constant=_refused)
    if not isinstance(header, dict):
        raise damaged("its header is not a table of tensors")
    notes = header.pop("__metadata__", None) or {}
    if not all(isinstance(note, str) for note in notes.values()):
        raise damaged("its metadata is not text")
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: tuple(item[1]["data_offsets"])):
        first, last = entry["data_offsets"]
        if not all(type(n) is int and n >= 0 for n in (first, last, *entry["shape"])) or first != end:
            raise damaged(f'tensor "{shown(name)}" extends beyond the file or overlaps another one')
        if entry["dtype"] not in DTYPES:
            raise damaged(f'tensor "{shown(name)}" is of the unknown type {shown(str(entry["dtype"]))}')
        if math.prod(entry["shape"]) * DTYPES[entry["dtype"]].itemsize != last - first:
            shape = shown(str(entry["shape"]))
            raise damaged(f'tensor "{shown(name)}" of shape {shape} cannot have {last - first} bytes')
        end = last
    if end != size - 8 - length:
        raise damaged(f"it should have {8 + length + end} bytes, but has {size}")
    return Table({name: _stored(entry, 8 + length) for name, entry in header.items()}, notes)


def _stored(entry: dict[str, Any], start: int) -> Stored:
    info = TensorInfo(tuple(entry["shape"]), DTYPES[entry["dtype"]])
    return Stored(info, start + entry["data_offsets"][0])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise damaged("its header names a tensor twice")
    "".join(table).encode()  # raises for half a character, which the format does not allow
    return table


def _refused(word: str) -> Any:
    raise damaged(f"its header contains {word}")
