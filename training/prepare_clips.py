"""From videos to clips that a model trains on: latents, encoded once and kept on disk, and encoded captions."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.utils
import torch

from ..motion.files import MotionFileError, read_tensors
from ..motion.save import write_safetensors
from .clips import Clip, Clips, digest
from .videos import ClipSource, Cut, SourceError, cut_clips, find_sources, read_clips


@dataclass(frozen=True)
class Latents:
    """All clips of one source as latents, each (f, c, h, w); flipped ones follow the others."""

    name: str
    caption: str | None
    clips: tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Encoder:
    """Encodes clips with `vae` (VAE) and keeps the latents in the folder `cache`, unless that is None.

    The key is the content of the source with everything that decides the latents, so a changed file is encoded anew.
    `flip` adds every clip once more, mirrored.
    """

    vae: Any
    cut: Cut
    flip: bool = False
    cache: Path | None = None

    def source(self, source: ClipSource) -> Latents:
        """The latents of a video or an image sequence. Raises SourceError."""
        clips = self._cached(_content(source), lambda: read_clips(source, self.cut))
        return Latents(source.path.name, source.caption, clips)

    def images(self, images: torch.Tensor) -> Latents:
        """The latents of `images` (f, height, width, 3), an IMAGE batch that holds one video. Raises SourceError."""
        pictures = images[..., :3]
        clips = self._cached(digest([("images", pictures)]), lambda: cut_clips(iter(pictures), self.cut))
        return Latents("images", None, clips)

    def _cached(self, content: str, read: Callable[[], Iterator[torch.Tensor]]) -> tuple[torch.Tensor, ...]:
        if self.cache is None:
            return tuple(self._encode(read()))
        key = hashlib.blake2b(repr((content, self.cut, self.flip, vae_identity(self.vae))).encode(), digest_size=16)
        file = self.cache / f"{key.hexdigest()}.safetensors"
        stored = _kept(file)
        if stored is None:
            stored = {f"{i:06d}": clip for i, clip in enumerate(self._encode(read()))}
            write_safetensors(stored, file, {"format": "pt"})
        return tuple(stored[key] for key in sorted(stored))

    def _encode(self, clips: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        flipped = []
        for pictures in clips:
            comfy.model_management.throw_exception_if_processing_interrupted()
            yield self._latents(pictures)
            if self.flip:
                flipped.append(self._latents(pictures.flip(2)))
        yield from flipped

    def _latents(self, pictures: torch.Tensor) -> torch.Tensor:
        """`pictures` (f, height, width, 3) as latents. The VAE draws from its distribution: always the same draw."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            latents: torch.Tensor = self.vae.encode(pictures).detach().float().cpu().clone()
        if latents.ndim != 4:
            raise ValueError(
                f"The connected VAE makes latents of {latents.ndim} dimensions, but those of SD1.5 and SDXL have 4. "
                "Connect the VAE of the checkpoint that you train with."
            )
        return latents


def prepare_clips(
    encoder: Encoder, clip: Any, prompt: str, folder: Path | None = None, images: torch.Tensor | None = None
) -> tuple[Clips, list[str]]:
    """The clips of all sources in `folder` and of `images` (as in Encoder), and a report: how many clips there are, then a
    sentence for each source that was left out.

    `clip` (CLIP) encodes the captions; a source without one has `prompt`. Raises ValueError when there is no clip.
    """
    if folder is None and images is None:
        raise ValueError(
            "There is nothing to load: folder is set to none, and images is not connected. Choose a folder, or connect images."
        )
    sources = [] if folder is None else find_sources(folder)
    latents, skipped = encode_sources(encoder, sources)
    if images is not None:
        try:
            latents.append(encoder.images(images))
        except SourceError as error:
            raise ValueError(f"The connected images cannot be used: {error}. Lower frames or stride.") from None
    if folder is not None and not latents:
        raise ValueError(f'None of the videos in "{folder.name}" can be used. {" ".join(skipped[:3])}')
    clips = encode_captions(latents, clip, prompt)
    found = f"Clips: {len(clips.clips)}, with {encoder.cut.frames} frames each. Videos: {len(latents)}."
    logging.info(found)
    return clips, [found, *skipped]


def encode_sources(encoder: Encoder, sources: Sequence[ClipSource]) -> tuple[list[Latents], list[str]]:
    """The latents of all sources that can be used, and a sentence for each that cannot."""
    bar = comfy.utils.ProgressBar(len(sources))
    usable: list[Latents] = []
    skipped: list[str] = []
    for source in sources:
        comfy.model_management.throw_exception_if_processing_interrupted()
        try:
            usable.append(encoder.source(source))
        except SourceError as error:
            skipped.append(f'"{source.path.name}" was skipped: {error}.')
            logging.warning(skipped[-1])
        bar.update(1)
    return usable, skipped


def _kept(file: Path) -> dict[str, torch.Tensor] | None:
    """The latents in a file of the cache, None where it is missing or damaged."""
    try:
        return read_tensors(file) if file.exists() else None
    except MotionFileError:
        return None


def _content(source: ClipSource) -> str:
    hashed = hashlib.blake2b(digest_size=16)
    for file in source.files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                hashed.update(block)
        hashed.update(b"\0end of file\0")
    return hashed.hexdigest()


def vae_identity(vae: Any) -> str:
    """A hash that differs between VAEs: names and shapes of the weights, and some values of each."""
    weights = vae.first_stage_model.state_dict()
    return digest([(name, w.flatten()[:: max(1, w.numel() // 64)].float()) for name, w in weights.items()])


def encode_captions(latents: Iterable[Latents], clip: Any, prompt: str) -> Clips:
    """The clips with their captions encoded by `clip` (CLIP); those without one get `prompt`."""
    encoded: dict[str, Any] = {}

    def conditioning(text: str) -> Any:
        if text not in encoded:
            encoded[text] = clip.encode_from_tokens_scheduled(clip.tokenize(text))
        return encoded[text]

    clips = []
    for source in latents:
        caption = prompt if source.caption is None else source.caption
        for number, values in enumerate(source.clips, 1):
            clips.append(Clip(values, conditioning(caption), caption, f"{source.name} #{number}"))
    return Clips(tuple(clips), conditioning(""))
