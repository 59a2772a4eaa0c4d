"""Clips of pictures from a folder of videos and image sequences."""

import codecs
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import comfy.utils
import numpy as np
import torch
from PIL import Image, ImageOps

VIDEOS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".gif"}
IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}


class SourceError(ValueError):
    """A source without a usable clip. The message gives the reason and is put after the source's name."""


class TooShort(SourceError):
    """A source that has fewer frames than a clip needs."""


@dataclass(frozen=True)
class Cut:
    """How clips are cut out of a source, one after the other."""

    frames: int = 16  # of a clip
    stride: int = 4  # frames of the source from one frame of a clip to the next, 1 or more
    width: int = 512  # pixels
    height: int = 512  # pixels
    crop: bool = True  # whether two sides are cut off to keep the proportions; otherwise pictures are stretched
    clips: int = 0  # at most from one source; 0: all that fit

    @property
    def span(self) -> int:
        """The pictures of the source from the first to the last frame of a clip."""
        return (self.frames - 1) * self.stride + 1


@dataclass(frozen=True)
class ClipSource:
    """A video file, or a folder of images whose names sort in the order of the frames."""

    path: Path  # of the video, or of the folder of images
    caption: str | None  # text of the .txt file next to it; None: there is no such file

    @property
    def files(self) -> list[Path]:
        """What its pictures are read from."""
        if not self.path.is_dir():
            return [self.path]
        return sorted(file for file in _visible(self.path) if file.suffix.lower() in IMAGES)


def find_sources(folder: Path) -> list[ClipSource]:
    """All videos and image sequences in `folder`, by name. `name.txt` next to a video or a sequence is its caption.

    Images in `folder` itself are one sequence. Raises ValueError when there is nothing, or a caption cannot be read.
    """
    entries = sorted(_visible(folder))
    paths = [entry for entry in entries if entry.is_file() and entry.suffix.lower() in VIDEOS]
    folders = [folder, *(entry for entry in entries if entry.is_dir())]
    paths += [path for path in folders if ClipSource(path, None).files]
    if not paths:
        raise ValueError(
            f'"{folder.name}" contains no videos and no folders of images. Put .mp4 files or one folder per image '
            "sequence into it, each with a caption in a .txt file of the same name."
        )
    return [ClipSource(path, _caption(path)) for path in paths]


def _visible(folder: Path) -> Iterator[Path]:
    """What is in `folder`, without hidden files such as those that macOS puts next to each file on foreign disks."""
    return (entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _caption(path: Path) -> str | None:
    """Raises ValueError for a text in an encoding that cannot be told."""
    text = path.with_name((path.name if path.is_dir() else path.stem) + ".txt")
    if not text.is_file():
        return None
    written = text.read_bytes()
    encoding = "utf-16" if written.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return written.decode(encoding).strip()
    except UnicodeDecodeError as error:
        raise ValueError(
            f'The caption file "{text.name}" is not encoded in UTF-8: {error.reason} at byte {error.start}. Save it again '
            "with the encoding UTF-8."
        ) from None


def read_clips(source: ClipSource, cut: Cut) -> Iterator[torch.Tensor]:
    """The clips of a source as pictures (f, height, width, 3) between 0 and 1.

    Raises SourceError for a source that is broken or too short for one clip.
    """
    yield from cut_clips(_pictures(source), cut)


def cut_clips(pictures: Iterator[torch.Tensor], cut: Cut) -> Iterator[torch.Tensor]:
    """Clips of `cut` from a stream of pictures (height, width, 3), each read only when it is its turn."""
    kept: list[torch.Tensor] = []
    found = seen = 0
    for seen, picture in enumerate(pictures, 1):
        if (seen - 1 - found * cut.span) % cut.stride == 0:
            kept.append(fit(picture, cut))
        if len(kept) == cut.frames:
            yield torch.stack(kept)
            kept, found = [], found + 1
            if found == cut.clips:
                return
    if not found:
        count = f"{seen} {'frame' if seen == 1 else 'frames'}"
        raise TooShort(f"it has {count}, but a clip needs {cut.span} ({cut.frames} with stride {cut.stride})")


def fit(picture: torch.Tensor, cut: Cut) -> torch.Tensor:
    """A picture (height, width, 3) in the size of `cut`."""
    if picture.shape[:2] == (cut.height, cut.width):
        return picture
    crop = "center" if cut.crop else "disabled"
    scaled = comfy.utils.common_upscale(picture[None].movedim(-1, 1), cut.width, cut.height, "lanczos", crop)
    return scaled[0].movedim(0, -1)  # type: ignore[no-any-return]


def _pictures(source: ClipSource) -> Iterator[torch.Tensor]:
    """All pictures of a source (height, width, 3). Raises SourceError where the decoder gives up."""
    pixels = _images(source.files) if source.path.is_dir() else _frames(source.path)
    while True:
        try:
            picture = next(pixels, None)
        except (av.FFmpegError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            logging.warning('"%s": %s: %s', source.path.name, type(error).__name__, error)
            raise SourceError("it cannot be decoded: it is damaged, or its file extension is wrong") from None
        if picture is None:
            return
        yield torch.from_numpy(np.array(picture)).float() / 255.0


def _images(files: list[Path]) -> Iterator[Any]:
    for file in files:
        with Image.open(file) as image:
            yield ImageOps.exif_transpose(image).convert("RGB")


def _frames(file: Path) -> Iterator[Any]:
    with av.open(str(file)) as container:
        if not container.streams.video:
            raise ValueError("no video stream")
        for frame in container.decode(container.streams.video[0]):
            yield np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
