"""What a model file says about its tensors before any of them is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

LONGEST_SHOWN = 100
"""Characters of a text out of a file that a message repeats."""


class NotReadable(ValueError):
    """What a file is and what to do, to follow the file's name."""


def damaged(reason: str) -> NotReadable:
    return NotReadable(
        f"is not a model file or is damaged: {reason}. Download it again and compare its size with that on the download page."
    )


def shown(text: str) -> str:
    """`text` out of a file as a message may contain it: one short line without control characters."""
    line = text if text.isprintable() else ascii(text)[1:-1]
    return line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}..."


@dataclass(frozen=True)
class TensorInfo:
    """What is known of a tensor without reading it."""

    shape: tuple[int, ...]  # size of each dimension
    dtype: torch.dtype  # as it is stored

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def meta(self) -> torch.Tensor:
        """Such a tensor without numbers."""
        return torch.empty(self.shape, dtype=self.dtype, device="meta")


@dataclass(frozen=True)
class Stored:
    """Where a tensor is in a file."""

    info: TensorInfo  # its shape and type
    start: int  # place of its first number, in bytes from the start of the file
    stride: tuple[int, ...] | None = None  # numbers from one item of a dimension to the next; None: without gaps

    @property
    def extent(self) -> int:
        """Bytes from the start of its first number to the end of its last."""
        if self.stride is None or not self.info.nbytes:
            return self.info.nbytes
        last = sum((count - 1) * step for count, step in zip(self.info.shape, self.stride, strict=True))
        return (1 + last) * self.info.dtype.itemsize


@dataclass(frozen=True)
class Table:
    """The tensors of a file by name."""

    tensors: Mapping[str, Stored]  # where each is in the file
    metadata: Mapping[str, str] = field(default_factory=dict)  # notes, which .safetensors files can have
