"""Workflows as the canvas stores them: nodes, links as arrays of six, and subgraphs with links as objects."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .workflow_graph import ACTIVE, INPUTS, OUTPUTS, GraphNode, NodeId, OutputOf, Socket, WorkflowError, WorkflowGraph

RawGraph = Mapping[str, Any]  # of a file: a workflow, a subgraph, or a part of one
NO_NODE: RawGraph = {}  # what a file stores of the ends of a subgraph, always this same object


def is_ui_form(workflow: Any) -> bool:
    return isinstance(workflow, Mapping) and isinstance(workflow.get("nodes"), list)


def read_ui(raw: RawGraph, name: str = "") -> WorkflowGraph:
    """The graph of a workflow or of a subgraph. Raises WorkflowError."""
    links = {number: source for number, source, *_ in links_of(raw)}
    nodes: dict[NodeId, GraphNode] = {}
    for entry in raw["nodes"]:
        node = _node(entry, links)
        if node.id in nodes:
            raise WorkflowError(f"Two nodes have the id {node.id}. Open the workflow in ComfyUI and save it again.")
        nodes[node.id] = node
    if "inputNode" in raw:
        nodes |= _ends(raw, links)
    for node in nodes.values():
        for socket in node.sockets:
            if socket.source is not None and socket.source.node not in nodes:
                socket.source = None  # a link from a node that is gone
    return WorkflowGraph("ui", nodes, name)


def subgraphs(raw: RawGraph) -> Iterator[RawGraph]:
    definitions = raw.get("definitions")
    found = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
    yield from (entry for entry in found or () if is_ui_form(entry))


def stored_links(raw: RawGraph) -> list[Any]:
    stored = raw.get("links")
    return stored if isinstance(stored, list) else []


def links_of(raw: RawGraph) -> Iterator[tuple[Any, OutputOf, NodeId, int, Any]]:
    """The links of a file that are whole: id, source, target, number of the target's socket, the link as stored."""
    for link in stored_links(raw):
        if isinstance(link, Mapping):
            keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
            parts: list[Any] = [link.get(key) for key in keys]
        elif isinstance(link, Sequence) and not isinstance(link, str):
            parts = list(link[:5])
        else:
            continue
        if len(parts) < 5:
            continue
        number, origin, slot, target, socket = parts
        ids = isinstance(number, int | str) and isinstance(origin, int | str) and isinstance(target, int | str)
        if ids and isinstance(slot, int) and isinstance(socket, int):
            yield number, OutputOf(origin, slot), target, socket, link


def _node(entry: Any, links: Mapping[Any, OutputOf]) -> GraphNode:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("type"), str):
        raise WorkflowError(
            "A node of the workflow has no type. The file is damaged: save the workflow in ComfyUI again."
        )
    number = entry.get("id")
    if not isinstance(number, int | str) or isinstance(number, bool):
        raise WorkflowError(
            f"A node of the type {entry['type']} has no id. The file is damaged: save the workflow in ComfyUI again."
        )
    sockets = [_socket(socket, links) for socket in parts_of(entry, "inputs")]
    outputs = [(str(output.get("name", "")), _type(output)) for output in parts_of(entry, "outputs")]
    mode = entry.get("mode", ACTIVE)
    values = entry.get("widgets_values")
    return GraphNode(number, entry["type"], mode if isinstance(mode, int) else ACTIVE, sockets, outputs, values, entry)


def _socket(entry: RawGraph, links: Mapping[Any, OutputOf]) -> Socket:
    number = entry.get("link")
    source = links.get(number) if isinstance(number, int | str) else None
    return Socket(str(entry.get("name", "")), _type(entry), source, bool(entry.get("widget")))


def parts_of(entry: RawGraph, key: str) -> list[RawGraph]:
    """The sockets under `key`, "inputs" or "outputs", of a node or of a subgraph; anything invalid becomes an empty one."""
    stored = entry.get(key) or ()
    return [part if isinstance(part, Mapping) else {} for part in stored] if isinstance(stored, Sequence) else []


def _type(entry: RawGraph) -> str:
    kind = entry.get("type")
    return kind if isinstance(kind, str) else "COMBO" if isinstance(kind, list) else "*"


def _ends(raw: RawGraph, links: Mapping[Any, OutputOf]) -> dict[NodeId, GraphNode]:
    """The nodes that stand for the subgraph's own inputs and outputs."""
    inputs = [(str(entry.get("name", "")), _type(entry)) for entry in parts_of(raw, "inputs")]
    outputs = parts_of(raw, "outputs")
    targets = {socket: source for _, source, target, socket, _ in links_of(raw) if target == OUTPUTS}
    sockets = [Socket(str(out.get("name", "")), _type(out), targets.get(slot)) for slot, out in enumerate(outputs)]
    return {
        INPUTS: GraphNode(INPUTS, "subgraph inputs", ACTIVE, [], inputs, None, NO_NODE),
        OUTPUTS: GraphNode(OUTPUTS, "subgraph outputs", ACTIVE, sockets, [], None, NO_NODE),
    }
