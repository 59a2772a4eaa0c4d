"""The nodes that this ComfyUI has."""

import server

from ..convert.graph.tracing import is_evolved


def installed_nodes() -> list[str]:
    """The classes of all nodes, in the order in which they were loaded."""
    return list(server.nodes.NODE_CLASS_MAPPINGS)


def has_evolved_installed() -> bool:
    """Whether AnimateDiff-Evolved is installed, so that its nodes are left to it."""
    return any(is_evolved(name) for name in installed_nodes())
