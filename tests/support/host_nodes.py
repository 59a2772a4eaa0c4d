"""The host's own nodes, by their ids."""

import asyncio
from typing import Any

from tools import in_host

_KNOWN: dict[str, Any] = {}


def classes() -> dict[str, Any]:
    """{node id: class} of the host's nodes, those in comfy_extras included."""
    if not _KNOWN:
        nodes = in_host.nodes()
        asyncio.run(nodes.init_builtin_extra_nodes())
        _KNOWN.update(nodes.NODE_CLASS_MAPPINGS)
    return _KNOWN


def run(node_id: str, **inputs: Any) -> Any:
    """The first output of a node, old style or new."""
    node = classes()[node_id]
    if hasattr(node, "define_schema"):
        return node.execute(**inputs).result[0]
    return getattr(node(), node.FUNCTION)(**inputs)[0]


def defaults(node_id: str) -> dict[str, Any]:
    """{input: its default value} of a node, for inputs that have one, and the first option of lists."""
    kinds = classes()[node_id].INPUT_TYPES()
    return {name: _default(kind) for name, kind in {**kinds["required"], **kinds.get("optional", {})}.items()}


def takes(node: Any, kind: str) -> bool:
    """Whether an input of the class `node` is of a `kind` such as MODEL."""
    parts = [part for part in node.INPUT_TYPES().values() if isinstance(part, dict)]
    return any(each[0] == kind for part in parts for each in part.values())


def _default(kind: Any) -> Any:
    options = kind[1] if len(kind) > 1 else {}
    choices = kind[0] if isinstance(kind[0], list) else options.get("options")
    return options.get("default", choices[0] if choices else None)
