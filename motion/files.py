"""Reading model files that may be hostile: sizes are checked before anything is allocated, no code is ever run."""

import json
import math
import os
import pickle
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.utils
import safetensors
import torch

MAX_HEADER = 100_000_000
"""Bytes; the limit of the safetensors format itself."""

DTYPES = {
    **{"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16},
    **{"F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2, "C64": torch.complex64, "BOOL": torch.bool},
    **{"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8},
    **{"U64": torch.uint64, "U32": torch.uint32, "U16": torch.uint16, "U8": torch.uint8},
}
"""The types of numbers in .safetensors files, by the format's own names."""


class MotionFileError(ValueError):
    """A file that is not what the user took it for; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class TensorInfo:
    """What is known of a tensor without reading it."""

    shape: tuple[int, ...]
    dtype: torch.dtype


def is_safetensors(path: Path) -> bool:
    return path.suffix.lower() in (".safetensors", ".sft")


def read_header(path: Path) -> dict[str, TensorInfo]:
    """Names, shapes and types of the tensors in `path`; of a .safetensors file only the header is read."""
    if is_safetensors(path):
        with _explained(path):
            return _safetensors_header(path)
    with _explained(path):
        tensors = _read_pickle(path)
    return {key: TensorInfo(tuple(tensor.shape), tensor.dtype) for key, tensor in tensors.items()}


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of `path`, memory-mapped where the format allows it: never write into them."""
    if not is_safetensors(path):
        with _explained(path):
            return _read_pickle(path)
    read_header(path)
    with _explained(path), safetensors.safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return {key: tensor.clone() for key, tensor in tensors.items()} if comfy.utils.DISABLE_MMAP else tensors


def read_metadata(path: Path) -> dict[str, str]:
    """The notes in a .safetensors file; none in other files."""
    if not is_safetensors(path):
        return {}
    with _explained(path), safetensors.safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def _safetensors_header(path: Path) -> dict[str, TensorInfo]:
    """Names, types, shapes and places of the tensors, each checked against the size of the file: the format's own reader
    gives the last of two tensors with one name. Raises nearly anything for a damaged file."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(MAX_HEADER, size - 8):
            raise ValueError(f"its header claims to have {length} bytes, but the file has {size} bytes")
        header = json.loads(file.read(length).decode(), object_pairs_hook=_unique, parse_constant=_refused)
    if not isinstance(header, dict):
        raise ValueError("its header is not a table of tensors")
    notes = header.pop("__metadata__", None) or {}
    if not all(isinstance(note, str) for note in notes.values()):
        raise ValueError("its metadata is not text")
    end = 0
    for name, entry in sorted(header.items(), key=lambda item: tuple(item[1]["data_offsets"])):
        first, last = entry["data_offsets"]
        if not all(type(n) is int and n >= 0 for n in (first, last, *entry["shape"])) or first != end:
            raise ValueError(f'tensor "{name}" extends beyond the file or overlaps another one')
        if entry["dtype"] not in DTYPES:
            raise ValueError(f'tensor "{name}" is of the unknown type {entry["dtype"]}')
        if math.prod(entry["shape"]) * DTYPES[entry["dtype"]].itemsize != last - first:
            raise ValueError(f'tensor "{name}" of shape {entry["shape"]} cannot have {last - first} bytes')
        end = last
    if end != size - 8 - length:
        raise ValueError(f"it should have {8 + length + end} bytes, but has {size}")
    return {name: TensorInfo(tuple(entry["shape"]), DTYPES[entry["dtype"]]) for name, entry in header.items()}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("its header names a tensor twice")
    "".join(table).encode()  # raises for half a character, which the format does not allow
    return table


def _refused(word: str) -> Any:
    raise ValueError(f"its header contains {word}")


def _read_pickle(path: Path) -> dict[str, torch.Tensor]:
    size = os.path.getsize(path)
    if not zipfile.is_zipfile(path):
        raise ValueError("it is neither a .safetensors file nor one saved by a recent version of torch")
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if any(e.compress_type != zipfile.ZIP_STORED for e in entries) or sum(e.file_size for e in entries) > size:
            raise ValueError("it unpacks to more than its own size, which a model file never does")
    content = torch.load(path, map_location="cpu", weights_only=True, mmap=not comfy.utils.DISABLE_MMAP)
    for name in ("state_dict", "motion_model"):
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict):
        raise ValueError(f"it contains a {type(content).__name__}, not a table of tensors")
    tensors = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, torch.Tensor)}
    if sum(tensor.nbytes for tensor in tensors.values()) > size:
        raise ValueError("its tensors are larger than the file")
    return tensors


_CODE = re.compile(r"Unsupported (?:global|class|operand)|GLOBAL|Can only (?:build|create)|not allowed", re.IGNORECASE)
"""In torch's messages: the pickle names something to call, not only tensors."""


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns whatever goes wrong while reading `path` into one sentence for the user."""
    try:
        yield
    except FileNotFoundError:
        raise MotionFileError(f'"{path.name}" no longer exists. Press R to refresh the list of files.') from None
    except pickle.UnpicklingError as error:
        raise MotionFileError(f'"{path.name}" {_unreadable_pickle(error)}') from None
    except Exception as error:  # readers raise nearly anything for a damaged file
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise MotionFileError(
            f'"{path.name}" is not a model file or is damaged: {reason}. Download it again and compare the size.'
        ) from None


def _unreadable_pickle(error: pickle.UnpicklingError) -> str:
    reason = str(error).partition("\n")[0][:200]
    if _CODE.search(str(error)):
        return (
            f"was refused: it contains code, not only tensors, and was not run ({reason}). "
            "Get the model as .safetensors from a source you trust."
        )
    return "is not a model file or is damaged: its table of tensors cannot be read. Download it again and compare the size."
