"""Group nodes, with which older canvases made one node of several, and which may contain nodes of AnimateDiff-Evolved.

The canvas reads all definitions when it opens a file, so those that nothing uses are dropped, and a group node that is
used is taken apart. The sockets of a group node are those of its inner nodes that are not linked inside, in their order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from ..graph.tracing import is_evolved
from ..graph.ui_form import RawGraph, stored_links
from ..graph.ui_writing import Numbers

OTHER_VALUES = "do not fit its inner nodes. The values of its definition are used: compare them with those on the node."
BEGINNINGS = ("workflow/", "workflow>")  # of the types of group nodes


@dataclass(frozen=True)
class Ungrouped:
    """A workflow without group nodes that hold nodes of ADE."""

    workflow: RawGraph  # the one that was given where it had none
    left: tuple[RawGraph, ...] = ()  # group nodes that could not be taken apart
    said: tuple[str, ...] = ()  # of the values of those that were


def ungrouped(workflow: RawGraph) -> Ungrouped:
    """`workflow` with such group nodes taken apart and their definitions dropped."""
    extra = workflow.get("extra")
    groups = extra.get("groupNodes") if isinstance(extra, Mapping) else None
    if not isinstance(extra, Mapping) or not isinstance(groups, Mapping):
        return Ungrouped(workflow)
    held = {name: group for name, group in groups.items() if _holds_evolved(group)}
    if not held:
        return Ungrouped(workflow)
    kinds = {beginning + name: group for name, group in held.items() for beginning in BEGINNINGS}
    whole = {**workflow, "links": stored_links(workflow)}
    left: list[RawGraph] = []
    said: list[str] = []
    used = [node for node in workflow["nodes"] if isinstance(node, Mapping) and node.get("type") in kinds]
    for node in used:
        group = kinds[node["type"]]
        inner = [entry for entry in group["nodes"] if isinstance(entry, Mapping)]
        valued = _with_values(inner, node.get("widgets_values"))
        expanded = _expanded(whole, node, {**group, "nodes": inner if valued is None else valued})
        if expanded is None:
            left.append(node)
            continue
        whole = expanded
        if valued is None:
            said.append(f"The values of {node['type']} ({node['id']}) {OTHER_VALUES}")
    kept = {node["type"] for node in left}
    names = {name for name in held if not kept & {beginning + name for beginning in BEGINNINGS}}
    rest = {name: group for name, group in groups.items() if name not in names}
    return Ungrouped({**whole, "extra": {**extra, "groupNodes": rest}} if names else workflow, tuple(left), tuple(said))


def _holds_evolved(group: Any) -> bool:
    nodes = group.get("nodes") if isinstance(group, Mapping) else None
    types = [node.get("type") for node in nodes if isinstance(node, Mapping)] if isinstance(nodes, list) else []
    return any(isinstance(kind, str) and is_evolved(kind) for kind in types)


def _with_values(inner: Sequence[RawGraph], stored: Any) -> list[RawGraph] | None:
    """`inner` with the values that the group node shows, which are those of its nodes one after the other; None where
    they do not fit."""
    if not isinstance(stored, list) or not stored:
        return list(inner)
    own = [entry.get("widgets_values") or [] for entry in inner]
    if not all(isinstance(values, list) for values in own):
        return None
    for counts in ([len(values) for values in own], [len(_shown(values)) for values in own]):
        if sum(counts) == len(stored):
            ends = list(accumulate(counts))
            starts = [end - count for end, count in zip(ends, counts, strict=True)]
            parts = [stored[start:end] for start, end in zip(starts, ends, strict=True)]
            return [{**entry, "widgets_values": part} for entry, part in zip(inner, parts, strict=True)]
    return None


def _shown(values: Sequence[Any]) -> Sequence[Any]:
    """`values` without those at the end that only size a node."""
    return values[: max((number for number, value in enumerate(values, 1) if value != ""), default=0)]


def _expanded(workflow: dict[str, Any], node: RawGraph, group: RawGraph) -> dict[str, Any] | None:
    """`workflow` with the inner nodes in place of `node`; None where their sockets do not fit together."""
    inner = [entry for entry in group["nodes"] if isinstance(entry, Mapping)]
    inside = [link for link in group.get("links") or () if isinstance(link, list) and len(link) >= 4]
    whole = [link for link in inside if all(isinstance(part, int) for part in link[:4])]
    all_in = [part for part in node.get("inputs") or () if isinstance(part, Mapping)]
    outer_in = [part for part in all_in if not part.get("widget")]
    outer_out = [part for part in node.get("outputs") or () if isinstance(part, Mapping)]
    inputs = list(_open_inputs(inner, whole))
    outputs = list(_open_outputs(inner, whole, group))
    fed = any(part.get("widget") and part.get("link") is not None for part in all_in)
    if len(inputs) != len(outer_in) or len(outputs) != len(outer_out) or fed:
        return None
    numbers = Numbers.after([workflow])
    ids = [numbers.next_node() for _ in inner]
    made = [_inner_node(entry, number, node) for entry, number in zip(inner, ids, strict=True)]
    if not _fits(made, whole):
        return None
    old = {link[0]: link for link in workflow["links"] if isinstance(link, list) and len(link) >= 6}
    links = [
        link for link in workflow["links"] if not (isinstance(link, list) and node["id"] in (link[1:2] + link[3:4]))
    ]
    links += [
        _link(made[origin], slot, made[target], socket, numbers.next_link())
        for origin, slot, target, socket in (link[:4] for link in whole)
    ]
    links += _links_into(made, zip(inputs, outer_in, strict=True), old)
    links += _links_out_of(made, zip(outputs, outer_out, strict=True), old)
    nodes = [other for other in workflow["nodes"] if other is not node]
    return {
        **workflow,
        "nodes": [*nodes, *made],
        "links": links,
        "last_node_id": numbers.node - 1,
        "last_link_id": numbers.link - 1,
    }


def _links_into(
    made: Sequence[dict[str, Any]], inputs: Iterable[tuple[tuple[int, int], RawGraph]], old: Mapping[Any, list[Any]]
) -> Iterator[list[Any]]:
    """The `old` links that end at the group node, at the sockets of `made` instead: `inputs` are the place and the socket
    of each inner node, with the group node's input for it."""
    for (index, socket), part in inputs:
        if part.get("link") in old:
            number = part["link"]
            made[index]["inputs"][socket]["link"] = number
            yield [*old[number][:3], made[index]["id"], socket, *old[number][5:]]


def _links_out_of(
    made: Sequence[dict[str, Any]], outputs: Iterable[tuple[tuple[int, int], RawGraph]], old: Mapping[Any, list[Any]]
) -> Iterator[list[Any]]:
    """The `old` links that begin at the group node, at the outputs of `made` instead, as `_links_into`."""
    for (index, slot), part in outputs:
        found = [number for number in part.get("links") or () if number in old]
        made[index]["outputs"][slot]["links"] = [*made[index]["outputs"][slot]["links"], *found]
        for number in found:
            yield [number, made[index]["id"], slot, *old[number][3:]]


def _fits(made: Sequence[RawGraph], links: Sequence[Sequence[int]]) -> bool:
    """Whether all links are between sockets that there are."""
    nodes = range(len(made))
    return all(
        origin in nodes
        and target in nodes
        and 0 <= slot < len(made[origin]["outputs"])
        and 0 <= socket < len(made[target]["inputs"])
        for origin, slot, target, socket in (link[:4] for link in links)
    )


def _inner_node(entry: RawGraph, number: int, outer: RawGraph) -> dict[str, Any]:
    inputs = [{**part, "link": None} for part in entry.get("inputs") or () if isinstance(part, Mapping)]
    outputs = [{**part, "links": []} for part in entry.get("outputs") or () if isinstance(part, Mapping)]
    place = {"pos": outer.get("pos", [0, 0]), "mode": outer.get("mode", 0)}
    return {**entry, **place, "id": number, "inputs": inputs, "outputs": outputs}


def _link(origin: dict[str, Any], slot: int, target: dict[str, Any], socket: int, number: int) -> list[Any]:
    origin["outputs"][slot]["links"].append(number)
    target["inputs"][socket]["link"] = number
    return [number, origin["id"], slot, target["id"], socket, origin["outputs"][slot].get("type", "*")]


def _open_inputs(inner: Sequence[RawGraph], links: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    linked = {(link[2], link[3]) for link in links}
    for index, entry in enumerate(inner):
        for socket, part in enumerate(entry.get("inputs") or ()):
            is_widget = isinstance(part, Mapping) and part.get("widget")  # newer canvases store them all
            if (index, socket) not in linked and not is_widget:
                yield index, socket


def _open_outputs(
    inner: Sequence[RawGraph], links: Sequence[Sequence[int]], group: RawGraph
) -> Iterator[tuple[int, int]]:
    linked = {(link[0], link[1]) for link in links}
    external = {tuple(entry[:2]) for entry in group.get("external") or () if isinstance(entry, list)}
    for index, entry in enumerate(inner):
        for slot in range(len(entry.get("outputs") or ())):
            if (index, slot) not in linked or (index, slot) in external:
                yield index, slot
