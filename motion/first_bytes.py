"""What a file is whose first bytes are not those that its ending promises."""

import re
from pathlib import PurePath

from .stored import NotReadable, damaged

ENOUGH = 2048
"""Bytes from the start of a file that tell what it is."""
ZIP = b"PK\x03\x04"
OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The number with which files of torch before 1.6 begin."""
LFS = re.compile(rb"version https://git-lfs[^\n]*\n.*size (?P<size>[0-9]{1,18})", re.DOTALL)
WEB_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|\?xml)\b", re.IGNORECASE)


def check_start(start: bytes, name: str, size: int, is_safetensors: bool) -> None:
    """Raises NotReadable unless the file `name` of `size` bytes begins, with `start`, as its kind does."""
    if not size:
        raise NotReadable("is empty: it has 0 bytes. Download it again.")
    if pointer := LFS.match(start):
        raise NotReadable(
            f"is a Git LFS pointer: a text file of {size} bytes that stands in for the model of "
            f'{int(pointer["size"]) / 1e9:.2f} GB. Run "git lfs pull" in the repository that the file came from, or download '
            "the model from its page."
        )
    if WEB_PAGE.match(start):
        raise NotReadable(
            "is a web page, not a model: the link that was saved leads to a page, perhaps one that asks you to log in. "
            "Open that page in a browser and download the model there."
        )
    if is_safetensors and start.startswith(ZIP):
        raise NotReadable(
            f'is a PyTorch file with the wrong file extension. Rename it to "{_renamed(name, ".ckpt")}" and press R '
            "to refresh."
        )
    if is_safetensors or start.startswith(ZIP):
        return
    if _begins_as_safetensors(start, size):
        right = _renamed(name, ".safetensors")
        raise NotReadable(
            f'is a .safetensors file with the wrong file extension. Rename it to "{right}" and press R to refresh.'
        )
    if start.startswith(OLD_TORCH) or start[257:262] == b"ustar":
        raise NotReadable(
            "was saved in the format of PyTorch versions before 1.6, which Kinema does not read. Get the model as "
            ".safetensors, or load it with PyTorch and save it again."
        )
    if start.startswith(b"\x80"):
        raise NotReadable("is a pickle of Python objects, not a PyTorch model. Get the model as .safetensors.")
    raise damaged("it does not begin like a PyTorch file")


def _begins_as_safetensors(start: bytes, size: int) -> bool:
    return start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size - 8


def _renamed(name: str, suffix: str) -> str:
    return PurePath(name).with_suffix(suffix).name
