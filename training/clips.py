"""Clips to learn from, as latents with the conditioning of their captions."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .digest import digest
from .on_disk import StoredLatents, hash_of, in_memory


@dataclass(frozen=True)
class Clip:
    """One clip and its caption. Both may be on disk, from where `in_memory` reads them."""

    latents: torch.Tensor | StoredLatents  # (f, c, h, w) as the host's VAE encodes them, before the model's scale
    conditioning: Any  # the host's CONDITIONING, or a StoredCaption
    caption: str = ""  # text that `conditioning` encodes
    name: str = "clip"  # for messages: the source's file or folder


@dataclass(frozen=True)
class Clips:
    """All clips of a run. Raises ValueError for none, and for clips of different shapes."""

    clips: Sequence[Clip]  # at least one; all latents have the same shape
    empty: Any  # CONDITIONING of the empty caption, for caption dropout
    origin: str = ""  # where they are from, in words
    vae: Any = None  # the VAE that encoded them, which shows the samples of a training

    def __post_init__(self) -> None:
        if not self.clips:
            raise ValueError("There are no clips to train with. Connect Load Clips with a folder that contains videos.")
        first = self.clips[0]
        for clip in self.clips:
            if tuple(clip.latents.shape) != tuple(first.latents.shape):
                raise ValueError(
                    f'Clip "{clip.name}" has latents of shape {list(clip.latents.shape)}, but "{first.name}" has '
                    f"{list(first.latents.shape)}. Give all clips the same number of frames and the same size."
                )

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(f, c, h, w)."""
        frames, channels, height, width = self.clips[0].latents.shape
        return frames, channels, height, width

    @property
    def words(self) -> str:
        """How many there are and where they are from: 3 clips of the folder "zoom"."""
        count = len(self.clips)
        number = "1 clip" if count == 1 else f"{count} clips"
        return f"{number} of {self.origin}" if self.origin else number

    def fingerprint(self) -> str:
        """A hash of all latents and captions, in order. Clips on disk are not read: their hashes are known."""
        hashed = hashlib.blake2b(digest_size=16)
        for clip in self.clips:
            hashed.update(repr((clip.caption, hash_of(clip.latents))).encode())
        return hashed.hexdigest()

    def earlier_fingerprint(self) -> str:
        """What `fingerprint` was before hashes were stored. Reads all clips."""
        return digest((clip.caption, in_memory(clip.latents)) for clip in self.clips)
