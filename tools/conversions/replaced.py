"""The nodes of a workflow that a conversion may replace, and what they left open."""

from collections.abc import Container, Iterable, Mapping
from typing import Any

from kinema.convert.definitions.node_definitions import evolved_nodes
from kinema.convert.graph.constants import PRIMITIVES
from kinema.convert.graph.tracing import PASSING, is_evolved
from kinema.convert.rules.control_nodes import APPLIES, PREPROCESSORS
from kinema.convert.rules.core_replacements import CORE
from kinema.convert.rules.sparse_controls import INDEXES, LOADERS, SPREAD

MAY_GO = frozenset(
    [
        *(*PASSING, *PRIMITIVES),
        *(*LOADERS, SPREAD, INDEXES, *APPLIES, *PREPROCESSORS, *CORE),
    ]
)


def may_go(node: Mapping[str, Any]) -> bool:
    return is_evolved(node["type"]) or node["type"] in MAY_GO


def empty_types(nodes: Iterable[Mapping[str, Any]], links: Container[Any]) -> frozenset[str]:
    """The types of sockets of `nodes` that nothing fed, so that nothing can feed those of their successors either.
    `links` are the ids of the links that there were."""
    sockets = (socket for node in nodes for socket in node.get("inputs") or ())
    return frozenset(str(socket.get("type")) for socket in sockets if socket.get("link") not in links)


def empty_types_of_prompt(nodes: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The same for a prompt, which leaves such sockets out."""
    found = set()
    for node in nodes:
        definition = evolved_nodes().get(node["class_type"])
        if definition is not None:
            given = node.get("inputs") or {}
            found |= {definition.type_of(name) for name in definition.sockets if name not in given}
    return frozenset(found)
