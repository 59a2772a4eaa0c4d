"""Workflows in files: JSON, and the pictures and videos in which ComfyUI stores them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..graph.workflow_graph import WorkflowError

KEYS = ("workflow", "prompt")  # of metadata; the first that is there is taken
LARGEST_JSON = 256 * 2**20  # bytes


def read_workflow(file: Path) -> Any:
    """The workflow in `file`, or else its prompt; None where it has neither. Raises WorkflowError."""
    reader = READERS.get(file.suffix.lower())
    if reader is None:
        raise WorkflowError(
            f"{file.name} is not a kind of file in which ComfyUI stores workflows. Choose one of {', '.join(READERS)}."
        )
    try:
        return reader(file)
    except OSError as error:
        raise WorkflowError(f"{file.name} cannot be read: {error.strerror or error}. Check the file.") from error


def parse(text: str, name: str) -> Any:
    """JSON as ComfyUI writes it: NaN becomes null, which all clients read. Raises WorkflowError."""
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except RecursionError:
        raise WorkflowError(
            f"{name} is nested too deeply to be a workflow. Choose a file that ComfyUI saved."
        ) from None
    except ValueError as error:
        raise WorkflowError(f"{name} is not valid JSON: {error}. Choose a file that ComfyUI saved.") from None


def _json(file: Path) -> Any:
    size = file.stat().st_size
    if size > LARGEST_JSON:
        raise WorkflowError(f"{file.name} has {size:,} bytes, but workflows have at most {LARGEST_JSON:,}.")
    try:
        return parse(file.read_text(encoding="utf-8-sig"), file.name)
    except UnicodeDecodeError as error:
        raise WorkflowError(
            f"{file.name} is not UTF-8 text: {error.reason}. Choose a file that ComfyUI saved."
        ) from None


def _picture(file: Path) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as picture:
            found = {str(key): value for key, value in picture.info.items()}
            for value in picture.getexif().values():  # WebP: "workflow:{...}" in tags that mean something else
                key, separator, text = value.partition(":") if isinstance(value, str) else ("", "", "")
                found |= {key.lower(): text} if separator and key.lower() in KEYS else {}
    except (UnidentifiedImageError, SyntaxError) as error:
        raise WorkflowError(f"{file.name} is not a readable picture: {error}. Check the file.") from None
    return _of_metadata(found, file.name)


def _video(file: Path) -> Any:
    import av

    try:
        with av.open(str(file)) as video:
            found = {key.lower(): value for key, value in video.metadata.items()}
    except av.error.FFmpegError as error:
        raise WorkflowError(f"{file.name} is not a readable video: {error}. Check the file.") from None
    comment = found.get("comment", "")
    if comment.lstrip().startswith("{"):  # as VideoHelperSuite stores them
        inside = parse(comment, file.name)
        found |= {key: inside[key] for key in KEYS if key in inside}
    return _of_metadata(found, file.name)


def _of_metadata(found: Mapping[str, Any], name: str) -> Any:
    for key in KEYS:
        value = found.get(key)
        if isinstance(value, str) and value:
            return parse(value, name)
        if value:
            return value
    return None


READERS: dict[str, Callable[[Path], Any]] = {
    ".json": _json,
    ".png": _picture,
    ".webp": _picture,
    ".mp4": _video,
    ".webm": _video,
}
