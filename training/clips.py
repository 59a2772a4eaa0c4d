"""Clips to learn from, as latents with the conditioning of their captions."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Clip:
    """One clip: `latents` (f, c, h, w) as the host's VAE encodes them, and its caption as the host's CONDITIONING."""

    latents: torch.Tensor
    conditioning: Any
    caption: str = ""
    name: str = "clip"


@dataclass(frozen=True)
class Clips:
    """Clips of one shape, and the CONDITIONING of the `empty` caption, for caption dropout."""

    clips: tuple[Clip, ...]
    empty: Any

    def __post_init__(self) -> None:
        if not self.clips:
            raise ValueError("There are no clips to train with. Connect Load Clips with a folder that contains videos.")
        first = self.clips[0]
        for clip in self.clips:
            if clip.latents.shape != first.latents.shape:
                raise ValueError(
                    f'Clip "{clip.name}" has latents of shape {list(clip.latents.shape)}, but "{first.name}" has '
                    f"{list(first.latents.shape)}. Give all clips the same number of frames and the same size."
                )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(f, c, h, w)."""
        frames, channels, height, width = self.clips[0].latents.shape
        return frames, channels, height, width

    def fingerprint(self) -> str:
        """A hash of all latents and captions, in order."""
        return digest([(clip.caption, clip.latents) for clip in self.clips])


def digest(items: Sequence[tuple[str, torch.Tensor]]) -> str:
    """A hash of named tensors: names, shapes, types and all values."""
    hashed = hashlib.blake2b(digest_size=16)
    for text, tensor in items:
        hashed.update(f"{text}{list(tensor.shape)}{tensor.dtype}".encode())
        hashed.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()
