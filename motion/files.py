"""Reading model files that may be hostile: sizes are checked before anything is allocated, no code is ever run."""

import json
import os
import pickle
import re
import struct
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
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}


class MotionFileError(ValueError):
    """A file that is not what the user took it for; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class TensorInfo:
    """Shape and type of one tensor, known without reading it. `dtype` is None for types no weight has."""

    shape: tuple[int, ...]
    dtype: torch.dtype | None


def is_safetensors(path: Path) -> bool:
    return path.suffix.lower() in (".safetensors", ".sft")


def read_header(path: Path) -> dict[str, TensorInfo]:
    """Names, shapes and types of the tensors in `path`; of a .safetensors file only the header is read."""
    if is_safetensors(path):
        return _safetensors_header(path)
    with _explained(path):
        tensors = _read_pickle(path)
    return {key: TensorInfo(tuple(tensor.shape), tensor.dtype) for key, tensor in tensors.items()}


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of `path`, memory-mapped where the format allows it: never write into them."""
    if not is_safetensors(path):
        with _explained(path):
            return _read_pickle(path)
    _safetensors_header(path)
    with _explained(path), safetensors.safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return {key: tensor.clone() for key, tensor in tensors.items()} if comfy.utils.DISABLE_MMAP else tensors


def read_metadata(path: Path) -> dict[str, str]:
    """The notes that a .safetensors file has beside its tensors; none in other files."""
    if not is_safetensors(path):
        return {}
    with _explained(path), safetensors.safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def _safetensors_header(path: Path) -> dict[str, TensorInfo]:
    with _explained(path):
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            start = file.read(8)
            if len(start) < 8:
                raise ValueError(f"it has {size} bytes only")
            (length,) = struct.unpack("<Q", start)
            if length > min(MAX_HEADER, size - 8):
                raise ValueError(f"its header claims {length} bytes, the file has {size}")
            header = json.loads(file.read(length), object_pairs_hook=_unique)
        if not isinstance(header, dict):
            raise ValueError("its header is not a table of tensors")
        header.pop("__metadata__", None)
        end = max((entry["data_offsets"][1] for entry in header.values()), default=0)
        if end != size - 8 - length:
            raise ValueError(f"it should have {8 + length + end} bytes and has {size}")
        return {key: _tensor_info(key, entry, end) for key, entry in header.items()}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("its header names a tensor twice")
    return table


def _tensor_info(key: str, entry: Any, data_size: int) -> TensorInfo:
    shape, (first, last) = tuple(entry["shape"]), entry["data_offsets"]
    if not all(type(n) is int and n >= 0 for n in (*shape, first, last)) or not first <= last <= data_size:
        raise ValueError(f'tensor "{key}" lies outside the file')
    dtype = DTYPES.get(entry["dtype"])
    if dtype is not None:
        count = 1
        for n in shape:
            count *= n
        if count * dtype.itemsize != last - first:
            raise ValueError(f'tensor "{key}" of shape {list(shape)} cannot have {last - first} bytes')
    return TensorInfo(shape, dtype)


def _read_pickle(path: Path) -> dict[str, torch.Tensor]:
    size = os.path.getsize(path)
    if not zipfile.is_zipfile(path):
        raise ValueError("it is neither .safetensors nor a file that torch saved in the last years")
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if any(e.compress_type != zipfile.ZIP_STORED for e in entries) or sum(e.file_size for e in entries) > size:
            raise ValueError("it unpacks to more than its own size, which no model does")
    content = torch.load(path, map_location="cpu", weights_only=True, mmap=not comfy.utils.DISABLE_MMAP)
    for name in ("state_dict", "motion_model"):
        if isinstance(content, dict) and isinstance(content.get(name), dict):
            content = content[name]
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__}, not a table of tensors")
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
        raise MotionFileError(f'"{path.name}" does not exist any more. Press R to refresh the list of files.') from None
    except pickle.UnpicklingError as error:
        if not _CODE.search(str(error)):
            raise MotionFileError(
                f'"{path.name}" is no model file or is damaged: its table of tensors cannot be read. '
                "Download it again and compare the size."
            ) from None
        reason = str(error).partition("\n")[0]
        raise MotionFileError(
            f'"{path.name}" was refused: it contains code, not only tensors, and was not run ({reason[:200]}). '
            "Get the model as .safetensors from a source you trust."
        ) from None
    except (
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
        RecursionError,
        EOFError,
        OSError,
        AttributeError,
        IndexError,
        zipfile.BadZipFile,
        safetensors.SafetensorError,
        OverflowError,
        MemoryError,
        struct.error,
    ) as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise MotionFileError(
            f'"{path.name}" is no model file or is damaged: {reason}. Download it again and compare the size.'
        ) from None
