"""Clips and captions in files on disk, mapped into memory only while they are read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch

from ..motion.atomic import check_writable
from ..motion.save import write_safetensors
from .digest import digest

WITHOUT_CACHE = "Turn off cache of Load Clips"
"""What to do where nothing can be kept on disk."""
PROMPT_TENSOR, OTHER_TENSORS = "words", "part."
"""The names of tensors in the file of a caption: what the words became, and what else belongs to it."""


@dataclass(frozen=True)
class StoredLatents:
    """The latents of one clip, in a file that may have those of others too."""

    file: Path  # .safetensors
    key: str  # name of the tensor in `file`
    shape: tuple[int, ...]  # (f, c, h, w)
    hash: str  # of the values, see `hash_of`

    def read(self) -> torch.Tensor:
        return _read(self.file, [self.key])[self.key]


@dataclass(frozen=True)
class StoredCaption:
    """The host's CONDITIONING of one caption, in a file of its own."""

    file: Path  # .safetensors

    def read(self) -> Any:
        tensors = _read(self.file)
        words = tensors.pop(PROMPT_TENSOR)
        return [[words, {name.removeprefix(OTHER_TENSORS): tensor for name, tensor in tensors.items()}]]


def in_memory(value: Any) -> Any:
    """`value`, in memory of its own if it is stored, so that the file may be replaced afterwards."""
    return value.read() if isinstance(value, StoredLatents | StoredCaption) else value


def hash_of(latents: torch.Tensor | StoredLatents) -> str:
    return latents.hash if isinstance(latents, StoredLatents) else digest([("latents", latents)])


def can_be_stored(conditioning: Any) -> bool:
    """Whether it is one prompt that consists of tensors alone, as those of SD1.5 and SDXL do."""
    return len(conditioning) == 1 and all(isinstance(part, torch.Tensor) for part in conditioning[0][1].values())


def store_caption(conditioning: Any, file: Path) -> StoredCaption:
    ((words, parts),) = conditioning
    check_writable(file, WITHOUT_CACHE)
    others = {OTHER_TENSORS + name: part for name, part in parts.items()}
    write_safetensors({PROMPT_TENSOR: words, **others}, file, {"format": "pt"})
    return StoredCaption(file)


def _read(file: Path, names: list[str] | None = None) -> dict[str, torch.Tensor]:
    try:
        with safetensors.safe_open(file, "pt") as opened:
            return {name: opened.get_tensor(name).clone() for name in names or opened.keys()}
    except FileNotFoundError:
        raise ValueError(
            f'"{file.name}", which Load Clips made, was deleted from the folder "{file.parent.name}". Load the clips '
            "again: restart ComfyUI, or change an input of Load Clips."
        ) from None
    except safetensors.SafetensorError:
        raise ValueError(
            f'"{file.name}" in the folder "{file.parent.name}" is damaged. Delete it, then load the clips again.'
        ) from None
