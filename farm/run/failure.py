"""What went wrong with a prompt: the job's own fault, the server's, or nobody's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OUT_OF_MEMORY = ("outofmemory", "out of memory", "cannot allocate memory", "not enough memory")
BROKEN_DEVICE = ("cuda error", "hip error", "device-side assert", "illegal memory access", "cudnn error", "device lost")
DISK_FULL = ("no space left on device", "not enough space on the disk", "disk quota exceeded")


@dataclass(frozen=True)
class NodeError:
    """What a node raised. All texts are the server's."""

    node: str  # id
    node_type: str  # name of its class
    kind: str  # the exception's class
    message: str  # of the exception

    def _says(self, signs: tuple[str, ...]) -> bool:
        text = f"{self.kind} {self.message}".lower()
        return any(sign in text for sign in signs)

    @property
    def is_out_of_memory(self) -> bool:
        return self._says(OUT_OF_MEMORY)

    @property
    def is_broken_device(self) -> bool:
        """Every later job on this server would fail, too."""
        return self._says(BROKEN_DEVICE) and not self.is_out_of_memory

    @property
    def is_disk_full(self) -> bool:
        return self._says(DISK_FULL)


class Lost(RuntimeError):
    """The attempt has no result, and the job is not to blame. `counts`: whether the job may be to blame after all, so that
    it is tried a limited number of times."""

    def __init__(self, why: str, counts: bool) -> None:
        self.counts = counts
        super().__init__(why)


class Rejected(RuntimeError):
    """The server refused the prompt before it ran."""


def error_in(entry: Mapping[str, Any]) -> NodeError | None:
    """The error in a record of /history; None for a prompt that was finished. Raises Lost for one that was interrupted."""
    status = entry.get("status") or {}
    if status.get("status_str") == "success":
        return None
    said = dict(status.get("messages") or [])
    if "execution_error" in said:
        data = said["execution_error"]
        message = str(data.get("exception_message", "")).strip()
        return NodeError(str(data.get("node_id")), str(data.get("node_type")), str(data.get("exception_type")), message)
    raise Lost("the job was interrupted on the server", counts=True)


def rejection(body: str) -> str:
    """What the server says about a prompt that it refuses. `body`: its answer."""
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        return body[:300]
    lines = [str((content.get("error") or {}).get("message", "the server refused the prompt"))]
    for node, errors in (content.get("node_errors") or {}).items():
        lines += [f"node #{node}: {error.get('message')}: {error.get('details')}" for error in errors.get("errors", [])]
    return "; ".join(lines)
