"""Writes a graph back into the form of the canvas. What did not change stays as it was stored, down to the ids of links."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .ui_form import RawGraph, links_of, parts_of, stored_links
from .workflow_graph import INPUTS, OUTPUTS, GraphNode, NodeId, OutputOf, WorkflowGraph


@dataclass
class Numbers:
    """The ids that are given next; unique in the whole file, because the canvas shares them among subgraphs."""

    node: int  # of the next node
    link: int  # of the next link

    @classmethod
    def after(cls, graphs: Sequence[RawGraph]) -> "Numbers":
        """The first numbers that none of `graphs` uses."""
        nodes: list[Any] = [0]
        links: list[Any] = [0]
        for raw in graphs:
            stored = raw.get("state")
            state: RawGraph = stored if isinstance(stored, Mapping) else {}
            ids = (node.get("id") for node in raw["nodes"] if isinstance(node, Mapping))
            nodes += [raw.get("last_node_id"), state.get("lastNodeId"), *ids]
            links += [raw.get("last_link_id"), state.get("lastLinkId"), *(link[0] for link in links_of(raw))]
        return cls(_largest(nodes) + 1, _largest(links) + 1)

    def next_node(self) -> int:
        self.node += 1
        return self.node - 1

    def next_link(self) -> int:
        self.link += 1
        return self.link - 1


def _largest(numbers: Sequence[Any]) -> int:
    return max(number for number in numbers if isinstance(number, int))


@dataclass
class _Links:
    """How the links of a graph change."""

    number: dict[tuple[Any, int], int] = field(default_factory=dict)  # of each new link, by its target
    dropped: set[Any] = field(default_factory=set)  # ids
    added: dict[OutputOf, list[Any]] = field(default_factory=dict)  # ids of links that an output has to list
    stored: list[Any] = field(default_factory=list)  # new links as the file holds them


def write_ui(graph: WorkflowGraph, before: WorkflowGraph, raw: RawGraph, numbers: Numbers) -> dict[str, Any]:
    """`raw`, which was read as `before`, with the nodes and links of `graph`."""
    links = _changed_links(graph, before, raw, numbers)
    nodes = [_node(node, before, links) for node in graph.nodes.values() if node.id not in (INPUTS, OUTPUTS)]
    kept = [link for link in stored_links(raw) if _id(link) not in links.dropped]
    written = {**raw, "nodes": nodes, "links": [*kept, *links.stored]}
    if "inputNode" in raw:
        written |= _ends(raw, links)
    return _without_dropped_ways(written, links.dropped) if links.dropped else written


def counted(raw: RawGraph, numbers: Numbers) -> dict[str, Any]:
    """`raw` with the last ids that were given."""
    last = {"last_node_id": numbers.node - 1, "last_link_id": numbers.link - 1}
    written = {**raw, **{key: value for key, value in last.items() if key in raw}}
    if isinstance(raw.get("state"), Mapping):
        written["state"] = {**raw["state"], "lastNodeId": numbers.node - 1, "lastLinkId": numbers.link - 1}
    return written


def _changed_links(graph: WorkflowGraph, before: WorkflowGraph, raw: RawGraph, numbers: Numbers) -> _Links:
    links = _Links(dropped=set(_stale(graph, before, raw)))
    old = {(target, socket): (number, source) for number, source, target, socket, _ in links_of(raw)}
    as_objects = "inputNode" in raw
    for node in before.nodes.values():
        now = graph.nodes.get(node.id)
        for slot, socket in enumerate(node.sockets):
            if socket.source is None:
                continue
            same = now is not None and now.raw is node.raw and now.sockets[slot].source == socket.source
            if not same:
                links.dropped.add(_link_id(node, slot, old))
    for node in graph.nodes.values():
        was = before.nodes.get(node.id)
        for slot, socket in enumerate(node.sockets):
            if socket.source is None:
                continue
            if was is not None and was.raw is node.raw and was.sockets[slot].source == socket.source:
                is_new = not _is_as_before(socket.source.node, graph, before)
                if is_new:  # with the id and the output of an old one
                    links.added.setdefault(socket.source, []).append(_link_id(node, slot, old))
                continue
            number = numbers.next_link()
            links.number[node.id, slot] = number
            links.added.setdefault(socket.source, []).append(number)
            kind = graph.nodes[socket.source.node].output_type(socket.source.slot)
            parts = [number, socket.source.node, socket.source.slot, node.id, slot, kind]
            keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
            links.stored.append(dict(zip(keys, parts, strict=True)) if as_objects else parts)
    return links


def _stale(graph: WorkflowGraph, before: WorkflowGraph, raw: RawGraph) -> Iterator[Any]:
    """Links of the file that no input lists, and that would end at a new node with the id of an old one."""
    sockets = (socket for node in before.nodes.values() for socket in parts_of(node.raw, "inputs"))
    listed = {socket["link"] for socket in sockets if isinstance(socket.get("link"), int | str)}
    for number, source, target, _, _ in links_of(raw):
        if number in listed or target == OUTPUTS:
            continue
        ends = [end for end in (source.node, target) if end in before.nodes]
        if not all(_is_as_before(end, graph, before) for end in ends):
            yield number


def _is_as_before(number: NodeId, graph: WorkflowGraph, before: WorkflowGraph) -> bool:
    was = before.nodes.get(number)
    now = graph.nodes.get(number)
    return was is not None and now is not None and was.raw is now.raw


def _link_id(node: GraphNode, slot: int, old: Mapping[tuple[Any, int], tuple[Any, OutputOf]]) -> Any:
    if node.id == OUTPUTS:
        return old[node.id, slot][0]
    return node.raw["inputs"][slot]["link"]


def _id(link: Any) -> Any:
    parts = [link.get("id")] if isinstance(link, Mapping) else link
    number = parts[0] if isinstance(parts, Sequence) and parts else None
    return number if isinstance(number, int | str) else None


def _node(node: GraphNode, before: WorkflowGraph, links: _Links) -> RawGraph:
    raw: RawGraph = node.raw
    was = before.nodes.get(node.id)
    if was is None or was.raw is not raw:
        inputs = [
            {**raw["inputs"][slot], "link": links.number.get((node.id, slot))} for slot in range(len(node.sockets))
        ]
        raw = {**raw, "inputs": inputs}
    elif any(socket.source != old.source for socket, old in zip(node.sockets, was.sockets, strict=True)):
        inputs = list(raw["inputs"])
        for slot, (socket, old) in enumerate(zip(node.sockets, was.sockets, strict=True)):
            if socket.source != old.source:
                inputs[slot] = {**inputs[slot], "link": links.number.get((node.id, slot))}
        raw = {**raw, "inputs": inputs}
    outputs = [_output(output, links, OutputOf(node.id, slot)) for slot, output in enumerate(raw.get("outputs") or ())]
    changed = any(new is not old for new, old in zip(outputs, raw.get("outputs") or (), strict=True))
    return {**raw, "outputs": outputs} if changed else raw


def _output(output: Any, links: _Links, source: OutputOf, key: str = "links") -> Any:
    """An output of a node, or of a subgraph's own inputs, with the ids of its links."""
    added = links.added.get(source, [])
    stored = output.get(key) if isinstance(output, Mapping) else None
    old = stored if isinstance(stored, list) else []
    kept = [number for number in old if not (isinstance(number, int | str) and number in links.dropped)]
    if not added and len(kept) == len(old):
        return output
    return {**output, key: [*kept, *added]}


def _ends(raw: RawGraph, links: _Links) -> dict[str, Any]:
    inputs = [
        _output(entry, links, OutputOf(INPUTS, slot), "linkIds") for slot, entry in enumerate(raw.get("inputs") or ())
    ]
    outputs = []
    for slot, entry in enumerate(raw.get("outputs") or ()):
        kept = [number for number in entry.get("linkIds") or () if number not in links.dropped]
        added = [links.number[OUTPUTS, slot]] if (OUTPUTS, slot) in links.number else []
        outputs.append({**entry, "linkIds": [*kept, *added]} if added else entry)
    return {"inputs": inputs, "outputs": outputs}


def _without_dropped_ways(raw: dict[str, Any], dropped: set[Any]) -> dict[str, Any]:
    """`raw` without the bends that the canvas stores for links that are gone."""
    extra = raw.get("extra")
    if not isinstance(extra, Mapping) or not isinstance(extra.get("linkExtensions"), list):
        return raw
    kept = [
        entry for entry in extra["linkExtensions"] if not (isinstance(entry, Mapping) and entry.get("id") in dropped)
    ]
    return {**raw, "extra": {**extra, "linkExtensions": kept}}
