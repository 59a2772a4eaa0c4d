"""The workflow and the prompt that ComfyUI writes into a PNG, WebP or MP4 file."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

METADATA = ("prompt", "workflow")
PNG = b"\x89PNG\r\n\x1a\n"
OUTER_BOXES = {b"moov", b"udta", b"meta", b"ilst"}
MAX_TEXT = 64 * 2**20  # bytes of one text: a compressed one could be of any size
ASCII = 2  # the type of a text in an EXIF directory


def texts_in(file: Path) -> dict[str, str]:
    """{"prompt": JSON, "workflow": JSON} of what the file contains; empty for a file without them or of another kind.

    Raises ValueError for a file that is damaged.
    """
    content = file.read_bytes()
    try:
        if content.startswith(PNG):
            found = dict(_png(content))
        elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            found = dict(_webp(content))
        elif content[4:8] == b"ftyp":
            found = _mp4(content)
        else:
            return {}
    except (struct.error, zlib.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.name} is damaged: {error}") from error
    return {key: text for key, text in found.items() if key in METADATA}


def _png(content: bytes) -> Iterator[tuple[str, str]]:
    """The text chunks: PNG specification, section 11.3.3."""
    at = len(PNG)
    while at < len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        chunk = content[at + 8 : at + 8 + size]
        key, _, rest = chunk.partition(b"\0")
        if kind == b"tEXt":
            yield key.decode("latin-1"), rest.decode("latin-1")
        elif kind == b"zTXt":
            yield key.decode("latin-1"), _inflated(rest[1:]).decode("latin-1")
        elif kind == b"iTXt":
            _, _, text = rest[2:].split(b"\0", 2)
            yield key.decode("latin-1"), (_inflated(text) if rest[0] else text).decode("utf-8")
        at += 12 + size


def _inflated(packed: bytes) -> bytes:
    return zlib.decompressobj().decompress(packed, MAX_TEXT)


def _webp(content: bytes) -> Iterator[tuple[str, str]]:
    """The texts of the EXIF directory; ComfyUI begins each with its key and a colon."""
    at = 12
    while at + 8 <= len(content):
        kind, size = struct.unpack_from("<4sI", content, at)
        if kind == b"EXIF":
            yield from _exif(content[at + 8 : at + 8 + size].removeprefix(b"Exif\0\0"))
        at += 8 + size + size % 2


def _exif(data: bytes) -> Iterator[tuple[str, str]]:
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, start)
    for number in range(count):
        _, kind, size, place = struct.unpack_from(f"{order}HHII", data, start + 2 + 12 * number)
        if kind == ASCII and size > 4:  # a shorter text stands where the place would
            key, _, text = data[place : place + size].rstrip(b"\0").decode("utf-8").partition(":")
            yield key.lower(), text


def _mp4(content: bytes) -> dict[str, str]:
    """The keys of the movie's metadata and their values: QuickTime file format, "Metadata item keys"."""
    boxes = list(_boxes(content, 0, len(content)))
    names = [name for kind, start, end in boxes if kind == b"keys" for name in _key_names(content[start:end])]
    values = {}
    for kind, start, end in boxes:
        (number,) = struct.unpack(">I", kind)
        if 0 < number <= len(names):
            # An item contains one box: its size, "data", the type and the locale of the value, and the value.
            values[names[number - 1]] = content[start + 16 : end].decode("utf-8")
    return values


def _boxes(content: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, first byte, end) of every box, outer ones before inner ones."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", content, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, start + 8)
            head = 16
        stop = min(start + size, end) if size else end
        if size and size < head:
            raise ValueError(f"the file is damaged: one of its boxes claims to have {size} bytes")
        yield kind, start + head, stop
        if kind in OUTER_BOXES:
            yield from _boxes(content, start + head + _version_bytes(kind, content, start + head), stop)
        start = stop


def _version_bytes(kind: bytes, content: bytes, start: int) -> int:
    """A "meta" box of the ISO format begins with 4 bytes of its own; QuickTime's does not."""
    return 4 if kind == b"meta" and content[start + 4 : start + 8] != b"hdlr" else 0


def _key_names(data: bytes) -> Iterator[str]:
    (count,) = struct.unpack_from(">I", data, 4)
    at = 8
    for _ in range(count):
        (size,) = struct.unpack_from(">I", data, at)
        yield data[at + 8 : at + size].decode("utf-8")
        at += size
