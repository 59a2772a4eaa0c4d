"""Files that other programs read while the farm writes them."""

import os
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Writes `text` to `file`, all or nothing: a reader sees the old text or the new one. Raises OSError."""
    part = file.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, file)
