"""Whether a converted workflow is what a host can open: what is new is valid, and nothing else changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kinema.convert.definitions.node_definitions import TargetInput, TargetNode
from kinema.convert.graph.free_places import rectangle
from kinema.convert.graph.tracing import is_evolved
from kinema.convert.graph.ui_form import is_ui_form, subgraphs
from kinema.convert.graph.workflow_graph import INPUTS, OUTPUTS
from kinema.convert.rules.group_nodes import ungrouped

from .prompt_validity import prompt_problems
from .replaced import empty_types, may_go
from .values import fits, input_problems

Raw = Mapping[str, Any]
ROUNDING = 0.01  # pixels
FREE_KEYS = frozenset(
    ["nodes", "links", "groups", "extra", "state", "last_node_id", "last_link_id", "inputs", "outputs"]
)
"""Keys of a file that a conversion may change; `definitions` is looked at part by part."""


@dataclass(frozen=True)
class StoredLink:
    """A link of a file."""

    origin: Any  # id of a node
    slot: int  # number of its output
    target: Any  # id of a node
    socket: int  # number of its input
    type: Any  # as stored


def problems(before: Raw, after: Raw, known: Mapping[str, TargetNode]) -> list[str]:
    """All that is wrong with `after`, converted from `before`, on a host that has the nodes `known`."""
    if not is_ui_form(after):
        return list(prompt_problems(before, after, known))
    whole = ungrouped(before).workflow
    found = list(_part_problems(whole, after, known))
    old = {part["id"]: part for part in subgraphs(whole)}
    for part in subgraphs(after):
        found += [f"{part['name']}: {problem}" for problem in _part_problems(old.pop(part["id"]), part, known)]
    return found + [f"the subgraph {number} is gone" for number in old]


def evolved_types(workflow: Raw) -> list[str]:
    """The classes of AnimateDiff-Evolved that are left."""
    if not is_ui_form(workflow):
        return [node["class_type"] for node in workflow.values() if is_evolved(node["class_type"])]
    parts = (workflow, *subgraphs(workflow))
    return [node["type"] for part in parts for node in part["nodes"] if is_evolved(node["type"])]


def _part_problems(before: Raw, after: Raw, known: Mapping[str, TargetNode]) -> Iterator[str]:
    """What is wrong with a workflow without its subgraphs, or with one subgraph."""
    old = {node["id"]: node for node in before["nodes"]}
    new = {node["id"]: node for node in after["nodes"]}
    kept = {number for number, node in new.items() if number in old and old[number]["type"] == node["type"]}
    if len(new) != len(after["nodes"]):
        yield "two nodes have the same id"
    for key in before.keys() | after.keys():
        if key not in FREE_KEYS | {"definitions"} and before.get(key) != after.get(key):
            yield f"{key} of the file changed"
    yield from (
        f"{node['type']} {number} is gone" for number, node in old.items() if number not in kept and not may_go(node)
    )
    yield from (
        f"{new[number]['type']} {number} changed" for number in kept if _fixed(old[number]) != _fixed(new[number])
    )
    yield from _link_problems(before, after, kept, known)
    empty = empty_types((old[number] for number in old.keys() - kept), _links(before).keys())
    places = [rectangle(node) for node in after["nodes"]]
    for number in new.keys() - kept:
        node = new[number]
        yield from (f"{node['type']} {number}: {text}" for text in _node_problems(node, after, known, empty))
        if sum(rectangle(node).meets(place) for place in places) > 1:
            yield f"{node['type']} {number} covers another node"
    yield from _group_problems(before, after)


def _fixed(node: Raw) -> Any:
    """What may not change of a node that stays: all but its links."""

    def without(parts: Any, key: str) -> Any:
        return [{**part, key: None} if isinstance(part, Mapping) else part for part in parts or ()]

    return {**node, "inputs": without(node.get("inputs"), "link"), "outputs": without(node.get("outputs"), "links")}


def _links(part: Raw) -> dict[Any, StoredLink]:
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    found = {}
    for link in part.get("links") or ():
        values = [link[key] for key in keys] if isinstance(link, Mapping) else link
        if values:
            found[values[0]] = StoredLink(*values[1:6])
    return found


def _link_problems(before: Raw, after: Raw, kept: set[Any], known: Mapping[str, TargetNode]) -> Iterator[str]:
    nodes = {node["id"]: node for node in after["nodes"]}
    standing = kept | {INPUTS, OUTPUTS}
    gone = {node["id"] for node in before["nodes"]} - kept
    old = _links(before)
    new = _links(after)
    replaced = {(link.target, link.socket) for link in old.values() if link.origin not in standing}
    for number, link in old.items():
        if {link.origin, link.target} <= standing and new.get(number) != link:
            yield f"link {number} from {link.origin} to {link.target} changed, although neither node was converted"
    for number, link in new.items():
        if old.get(number) == link and gone.isdisjoint([link.origin, link.target]):
            continue
        if {link.origin, link.target} <= standing and (link.target, link.socket) not in replaced:
            yield f"link {number} from {link.origin} to {link.target} is new, although neither node was converted"
        if link.origin != INPUTS:
            yield from _end_problems(number, link, nodes.get(link.origin), nodes.get(link.target), known)
    dangling = {number for node in before["nodes"] for number in _linked(node)} - old.keys()
    for node in after["nodes"]:
        missing = [number for number in _linked(node) if number not in new and number not in dangling]
        if missing:
            yield f"{node['type']} {node['id']} has links that do not exist: {missing}"


def _end_problems(
    number: Any, link: StoredLink, origin: Raw | None, target: Raw | None, known: Mapping[str, TargetNode]
) -> Iterator[str]:
    """What is wrong with the ends of a link; the target may be the end of a subgraph."""
    if origin is None or (target is None and link.target != OUTPUTS):
        yield f"link {number} has no node at one end"
        return
    made = _output_type(origin, link.slot, known)
    if number not in (origin["outputs"][link.slot]["links"] or ()):
        yield f"link {number} is not in the outputs of {origin['type']} {origin['id']}"
    if not fits(str(link.type), made):
        yield f"link {number} is stored as {link.type}, but {origin['type']} outputs {made}"
    if target is None:
        return
    socket = target["inputs"][link.socket]
    if socket["link"] != number:
        yield f"link {number} is not in the inputs of {target['type']} {target['id']}"
    if not fits(made, _input_type(target, socket, known)):
        yield f"link {number} carries {made} to {socket['name']} of {target['type']} {target['id']}"


def _output_type(node: Raw, slot: int, known: Mapping[str, TargetNode]) -> str:
    outputs = known[node["type"]].outputs if node["type"] in known else ()
    return outputs[slot][1] if slot < len(outputs) else str(node["outputs"][slot].get("type", "*"))


def _input_type(node: Raw, socket: Raw, known: Mapping[str, TargetNode]) -> str:
    entry = known[node["type"]].inputs.get(socket["name"]) if node["type"] in known else None
    stored = socket.get("type", "*")
    return entry.type if entry is not None else stored if isinstance(stored, str) else "*"


def _linked(node: Raw) -> Iterator[Any]:
    yield from (part["link"] for part in node.get("inputs") or () if part.get("link") is not None)
    yield from (number for part in node.get("outputs") or () for number in part.get("links") or ())


def _node_problems(node: Raw, part: Raw, known: Mapping[str, TargetNode], empty: frozenset[str]) -> Iterator[str]:
    if node["type"] == "Note":
        return
    if node["type"] not in known:
        yield "this host has no such node"
        return
    definition = known[node["type"]]
    links = _links(part)
    nodes = {other["id"]: other for other in part["nodes"]}
    linked = {}
    for socket in node["inputs"]:
        if socket["link"] is not None:
            link = links[socket["link"]]
            outside = link.origin not in nodes  # a subgraph's own input
            linked[socket["name"]] = str(link.type) if outside else _output_type(nodes[link.origin], link.slot, known)
    values = list(node["widgets_values"])
    slots = [name for entry in definition.inputs.values() if entry.widget for name in _stored_names(entry)]
    if len(values) > len(slots):
        yield "the node has more values than widgets"
    given = {name: value for name, value in zip(slots, values, strict=False) if name}
    active = node["mode"] == 0
    unlinked = {name: value for name, value in given.items() if name not in linked}
    everything = frozenset(entry.type for entry in definition.inputs.values())
    yield from input_problems(definition, linked, unlinked, empty if active else everything)
    outputs = [output["type"] for output in node["outputs"]]
    if outputs != [kind for _, kind in definition.outputs[: len(outputs)]]:
        yield "the stored outputs differ from those that the host describes"


def _stored_names(entry: TargetInput) -> tuple[str, ...]:
    """Names for the values that the canvas stores for a widget; the one behind a seed has none."""
    return (entry.name, "") if entry.after else (entry.name,)


def _group_problems(before: Raw, after: Raw) -> Iterator[str]:
    """Groups may only grow."""
    for old, new in zip(before.get("groups") or (), after.get("groups") or (), strict=True):
        if old == new:
            continue
        inner, outer = old["bounding"], new["bounding"]
        starts = outer[0] <= inner[0] and outer[1] <= inner[1]
        ends = all(outer[at] + outer[at + 2] > inner[at] + inner[at + 2] - ROUNDING for at in (0, 1))
        if {**old, "bounding": outer} != new or not (starts and ends):
            yield f"the group {old.get('title')} changed by more than its size"
