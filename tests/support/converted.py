"""Whether a converted workflow is what a canvas can open: links whole, values allowed, nothing else changed."""

from collections.abc import Iterator, Mapping
from typing import Any

from kinema.convert.definitions.node_definitions import TargetInput, target_nodes
from kinema.convert.graph.free_places import rectangle
from kinema.convert.graph.tracing import is_evolved
from kinema.convert.graph.ui_form import is_ui_form, subgraphs

Graph = Mapping[str, Any]


def problems(before: Graph, after: Graph) -> list[str]:
    """All that is wrong with `after`, converted from `before`; both in the same form."""
    if not is_ui_form(after):
        return list(_api_problems(before, after))
    found = list(_graph_problems(before, after))
    old = {part["id"]: part for part in subgraphs(before)}
    for part in subgraphs(after):
        found += [f"{part['name']}: {problem}" for problem in _graph_problems(old[part["id"]], part)]
    return found


def evolved_types(workflow: Graph) -> list[str]:
    """The classes of ADE that are left."""
    if not is_ui_form(workflow):
        return [node["class_type"] for node in workflow.values() if is_evolved(node["class_type"])]
    return [
        node["type"] for part in (workflow, *subgraphs(workflow)) for node in part["nodes"] if is_evolved(node["type"])
    ]


def _graph_problems(before: Graph, after: Graph) -> Iterator[str]:
    yield from _link_problems(before, after)
    old = {node["id"]: node for node in before["nodes"]}
    fresh = []
    for node in after["nodes"]:
        was = old.get(node["id"])
        if was is None or was["type"] != node["type"]:
            fresh.append(node)
            yield from _node_problems(node, after)
        elif _without_links(was) != _without_links(node):
            yield f"{node['type']} {node['id']} changed"
    kept = {node["id"] for node in after["nodes"]}
    yield from (
        f"{node['type']} {node['id']} is gone"
        for node in before["nodes"]
        if node["id"] not in kept and not _may_go(node)
    )
    others = [rectangle(node) for node in after["nodes"]]
    for node in fresh:
        if sum(rectangle(node).meets(other) for other in others) > 1:
            yield f"{node['type']} {node['id']} lies over another node"


def _may_go(node: Graph) -> bool:
    passes = ("Reroute", "SetNode", "GetNode", "PrimitiveNode", "Anything Everywhere", "PrimitiveInt", "PrimitiveFloat")
    return is_evolved(node["type"]) or node["type"] in passes or "SparseCtrl" in node["type"]


def _without_links(node: Graph) -> Any:
    def plain(parts: Any, key: str) -> Any:
        return [{**part, key: None} if isinstance(part, Mapping) else part for part in parts or ()]

    return {**node, "inputs": plain(node.get("inputs"), "link"), "outputs": plain(node.get("outputs"), "links")}


def _links(graph: Graph) -> dict[Any, tuple[Any, int, Any, int, Any]]:
    keys = ("origin_id", "origin_slot", "target_id", "target_slot", "type")
    found = {}
    for link in graph.get("links") or ():
        parts = [link[key] for key in ("id", *keys)] if isinstance(link, Mapping) else link
        if parts:
            found[parts[0]] = tuple(parts[1:6])
    return found


def _link_problems(before: Graph, after: Graph) -> Iterator[str]:
    old, new = _links(before), _links(after)
    nodes = {node["id"]: node for node in after["nodes"]}
    for number, (origin, slot, target, socket, _) in new.items():
        if number in old and old[number] == new[number]:
            continue
        if origin in nodes and number not in (nodes[origin]["outputs"][slot]["links"] or ()):
            yield f"link {number} is not in the outputs of {origin}"
        if target in nodes and nodes[target]["inputs"][socket]["link"] != number:
            yield f"link {number} is not in the inputs of {target}"
    stale = {number for node in before["nodes"] for number in _linked(node)} - old.keys()
    for node in after["nodes"]:
        missing = [number for number in _linked(node) if number not in new and number not in stale]
        if missing:
            yield f"{node['type']} {node['id']} has links that do not exist: {missing}"


def _linked(node: Graph) -> Iterator[Any]:
    yield from (part["link"] for part in node.get("inputs") or () if part.get("link") is not None)
    yield from (number for part in node.get("outputs") or () for number in part.get("links") or ())


def _node_problems(node: Graph, graph: Graph) -> Iterator[str]:
    if node["type"] == "Note":
        return
    definition = target_nodes().get(node["type"])
    if definition is None:
        yield f"{node['type']} is no node that the converter knows"
        return
    links = _links(graph)
    linked = {part["name"]: links[part["link"]][4] for part in node["inputs"] if part["link"] is not None}
    values = iter(node["widgets_values"])
    given: dict[str, Any] = {}
    for entry in definition.inputs.values():
        if entry.widget:
            given[entry.name] = next(values, None)
            if entry.after:
                next(values)
    if next(values, None) is not None:
        yield f"{node['type']} {node['id']} has too many values"
    yield from (
        f"{node['type']} {node['id']}: {text}"
        for text in input_problems(definition.inputs, linked, given, node["mode"])
    )


def input_problems(
    inputs: Mapping[str, TargetInput], linked: Mapping[str, Any], given: Mapping[str, Any], mode: int
) -> Iterator[str]:
    """What is wrong with the inputs of one node: `linked` are the types of links, `given` the values of widgets."""
    for entry in inputs.values():
        if entry.name in linked:
            kind = linked[entry.name]
            if kind != "*" and kind not in entry.type.split(",") and kind != entry.type:
                yield f"{entry.name} needs {entry.type} and gets {kind}"
        elif not entry.widget:
            if not entry.optional and entry.name not in ("model", "images", "clip", "vae", "latents") and mode == 0:
                yield f"{entry.name} is not connected"
        else:
            yield from _value_problems(entry, given.get(entry.name))
    yield from (f"there is no input {name}" for name in linked if name not in inputs)


def _value_problems(entry: TargetInput, value: Any) -> Iterator[str]:
    kind = entry.type.split(",")[0]
    fitting = {"INT": int, "FLOAT": (int, float), "BOOLEAN": bool, "STRING": str, "COMBO": str}[kind]
    if not isinstance(value, fitting) or (kind in ("INT", "FLOAT") and isinstance(value, bool)):
        yield f"{entry.name} is {value!r}, not of the type {kind}"
    elif entry.options is not None and value not in entry.options:
        yield f"{entry.name} is {value!r}, which is no option"
    elif kind in ("INT", "FLOAT") and not (entry.min or -1e30) <= value <= (entry.max or 1e30):
        yield f"{entry.name} is {value}, outside of its limits"


def _api_problems(before: Graph, after: Graph) -> Iterator[str]:
    for number, node in after.items():
        links = {name: "*" for name, value in node["inputs"].items() if isinstance(value, list)}
        yield from (f"{number} is linked to {value[0]}" for value in node["inputs"].values() if _is_loose(value, after))
        was = before.get(number)
        if was is not None and was["class_type"] == node["class_type"]:
            if not _same_values(was, node):
                yield f"{node['class_type']} {number} changed"
            continue
        inputs = target_nodes()[node["class_type"]].inputs
        given = {name: value for name, value in node["inputs"].items() if name not in links}
        known = {name: entry for name, entry in inputs.items() if not entry.optional or name in node["inputs"]}
        yield from (f"{node['class_type']} {number}: {text}" for text in input_problems(known, links, given, 0))


def _is_loose(value: Any, graph: Graph) -> bool:
    return isinstance(value, list) and len(value) == 2 and value[0] not in graph


def _same_values(before: Graph, after: Graph) -> bool:
    def plain(node: Graph) -> Any:
        return {name: None if isinstance(value, list) else value for name, value in node["inputs"].items()}

    return before["class_type"] == after["class_type"] and plain(before).keys() >= plain(after).keys()
