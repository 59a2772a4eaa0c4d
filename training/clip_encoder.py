"""From videos to latents, encoded once and kept on disk, with a note for each video that tells which are its own."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import comfy.model_management
import torch

from ..motion.atomic import check_writable, replacing
from ..motion.files import MotionFileError, read_tensors
from ..motion.host import HostVAE
from ..motion.save import write_safetensors
from ..sampling.pictures.encoding import in_colour
from .digest import digest, identity
from .on_disk import WITHOUT_CACHE, StoredLatents, hash_of
from .videos import ClipSource, Cut, TooShort, cut_clips, read_clips


@dataclass(frozen=True)
class Latents:
    """All clips of one source as latents."""

    name: str  # of the file or folder
    caption: str | None  # its own; None: it has none
    clips: tuple[torch.Tensor | StoredLatents, ...]  # each (f, c, h, w); flipped ones come last


@dataclass(frozen=True)
class Encoder:
    """Encodes clips, and keeps the latents on disk.

    The name of their file is a hash of the content of the source and of everything else that determines the latents. While
    the source has the same size and modification time, its note is enough: neither the source nor the latents are read.
    """

    vae: HostVAE  # VAE
    cut: Cut  # how clips are cut out of a source
    flip: bool = False  # whether every clip is added once more, mirrored
    cache: Path | None = None  # folder of the latents; None: they are not kept

    def source(self, source: ClipSource) -> Latents:
        """The latents of a video or an image sequence. Raises SourceError."""
        clips = self._source(source)
        return Latents(source.path.name, source.caption, clips)

    def images(self, images: torch.Tensor) -> Latents:
        """The latents of `images` (f, height, width, c), an IMAGE batch that holds one video. Raises SourceError."""
        pictures = in_colour(images.movedim(-1, 1)).movedim(1, -1)

        def read() -> Iterator[torch.Tensor]:
            return cut_clips(iter(pictures), self.cut)

        if self.cache is None:
            return Latents("images", None, tuple(self._encode(read())))
        return Latents("images", None, self._kept(self.cache, digest([("images", pictures)]), read))

    def _source(self, source: ClipSource) -> tuple[torch.Tensor | StoredLatents, ...]:
        if self.cache is None:
            return tuple(self._encode(read_clips(source, self.cut)))
        note = self.cache / f"{self._key(_state(source))}.note.json"
        noted = _read_note(note)
        if noted is None:
            try:
                noted = self._kept(self.cache, _content(source), lambda: read_clips(source, self.cut))
            except TooShort as error:
                _write_note(note, [], str(error))
                raise
            _write_note(note, noted)
        return noted

    def _kept(self, cache: Path, content: str, read: Callable[[], Iterator[torch.Tensor]]) -> tuple[StoredLatents, ...]:
        file = cache / f"{self._key(content)}.safetensors"
        stored = _read_latents(file)
        if stored is None:
            check_writable(file, WITHOUT_CACHE)
            stored = {f"{i:06d}": clip for i, clip in enumerate(self._encode(read()))}
            write_safetensors(stored, file, {"format": "pt"})
        return tuple(StoredLatents(file, key, tuple(stored[key].shape), hash_of(stored[key])) for key in sorted(stored))

    def _key(self, what: str) -> str:
        parts = (what, self.cut, self.flip, self._identity)
        return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()

    @cached_property
    def _identity(self) -> str:
        return identity(self.vae.first_stage_model.state_dict().items())

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


def _state(source: ClipSource) -> str:
    """What changes when a file of the source is written to."""
    files = [(str(file.absolute()), file.stat()) for file in source.files]
    return repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in files])


def _content(source: ClipSource) -> str:
    hashed = hashlib.blake2b(digest_size=16)
    for file in source.files:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                hashed.update(block)
        hashed.update(b"\0end of file\0")
    return hashed.hexdigest()


def _read_latents(file: Path) -> dict[str, torch.Tensor] | None:
    """The latents in a file of the cache, None where it is missing or damaged."""
    try:
        return read_tensors(file) if file.exists() else None
    except MotionFileError:
        return None


def _write_note(note: Path, clips: Iterable[StoredLatents], too_short: str = "") -> None:
    entries = [
        {"file": clip.file.name, "written": clip.file.stat().st_mtime_ns, "key": clip.key, "shape": clip.shape,
         "hash": clip.hash}
        for clip in clips
    ]  # fmt: skip
    with replacing(note) as unfinished:
        unfinished.write_text(json.dumps({"clips": entries, "too_short": too_short}), encoding="utf-8")


def _read_note(note: Path) -> tuple[StoredLatents, ...] | None:
    """What a note says, None where there is none, or the latents are others by now. Raises TooShort."""
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        if told["too_short"]:
            raise TooShort(told["too_short"])
        written = {name: (note.parent / name).stat().st_mtime_ns for name in {clip["file"] for clip in told["clips"]}}
        if any(clip["written"] != written[clip["file"]] for clip in told["clips"]):
            return None
        return tuple(
            StoredLatents(note.parent / clip["file"], clip["key"], tuple(clip["shape"]), clip["hash"])
            for clip in told["clips"]
        )
    except (OSError, KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError):
        return None
