"""Widgets that a node of a subgraph shows, and that belong to nodes in the subgraph."""

from collections.abc import Iterator, Mapping

from .tracing import is_evolved
from .ui_form import RawGraph, subgraphs

SHOWN_WIDGETS = "proxyWidgets"  # of the properties: pairs of the id of an inner node and the name of its widget


def lost_widgets(before: RawGraph, after: RawGraph) -> Iterator[str]:
    """A sentence for each node that shows widgets of nodes in its subgraph that were converted."""
    old = {str(part.get("id")): _evolved_ids(part) for part in subgraphs(before)}
    new = {str(part.get("id")): _evolved_ids(part) for part in subgraphs(after)}
    for graph in (before, *subgraphs(before)):
        for node in graph["nodes"]:
            kind = str(node.get("type")) if isinstance(node, Mapping) else ""
            gone = old.get(kind, frozenset()) - new.get(kind, frozenset())
            names = [name for number, name in _shown(node) if number in gone] if gone else []
            if names:
                yield (
                    f"Node {node['id']} shows widgets of nodes that were converted ({', '.join(names)}). The values are kept "
                    "in the subgraph; show the widgets of the new nodes instead."
                )


def _shown(node: RawGraph) -> Iterator[tuple[str, str]]:
    """The ids of inner nodes and the names of their widgets that `node` shows."""
    properties = node.get("properties")
    stored = properties.get(SHOWN_WIDGETS) if isinstance(properties, Mapping) else None
    for pair in stored if isinstance(stored, list) else ():
        if isinstance(pair, list) and len(pair) >= 2:
            yield str(pair[0]), str(pair[1])


def _evolved_ids(part: RawGraph) -> frozenset[str]:
    nodes = (node for node in part["nodes"] if isinstance(node, Mapping))
    return frozenset(
        str(node.get("id")) for node in nodes if isinstance(node.get("type"), str) and is_evolved(node["type"])
    )
