"""New nodes as files hold them: with sockets and values in the order of their definition."""

from collections.abc import Mapping
from typing import Any

from ..definitions.node_definitions import TargetInput, TargetNode
from .workflow_graph import GraphNode, NodeId, OutputOf, Socket

NODE_WIDTH, ROW, WIDGET_ROW, LONG_TEXT = 300.0, 20.0, 24.0, 100.0
LONG_TEXTS = frozenset(["prompts", "values", "single", "text_before", "text_after"])
NOTE_LINE, NOTE_LETTERS, NOTE_WIDTH = 18.0, 58, 420.0
OPTIONAL_SHAPE = 7  # how the canvas draws the sockets of optional inputs


def ui_node(
    number: NodeId, definition: TargetNode, inputs: Mapping[str, Any], mode: int, old: Mapping[str, Any]
) -> GraphNode:
    """A node for the canvas; the inputs that are linked are Sources. Looks are those of `old`, the node it replaces."""
    shown = [
        entry
        for entry in definition.inputs.values()
        if not entry.widget or isinstance(inputs.get(entry.name), OutputOf)
    ]
    sockets = [_socket(entry, inputs.get(entry.name)) for entry in shown]
    raw = {
        "id": number,
        "type": definition.type,
        "pos": old.get("pos", [0, 0]),
        "size": size_of(definition, len(sockets)),
        "flags": old.get("flags", {}) if isinstance(old.get("flags"), Mapping) else {},
        "order": old.get("order", 0),
        "mode": mode,
        "inputs": [_stored_socket(entry) for entry in shown],
        "outputs": [{"name": name, "type": kind, "links": []} for name, kind in definition.outputs],
        "properties": {"Node name for S&R": definition.type},
        "widgets_values": stored_values(definition, inputs),
    }
    raw |= {key: old[key] for key in ("title", "color", "bgcolor") if key in old}
    outputs = [(name, kind) for name, kind in definition.outputs]
    return GraphNode(number, definition.type, mode, sockets, outputs, raw["widgets_values"], raw)


def api_node(number: NodeId, definition: TargetNode, inputs: Mapping[str, Any], old: Mapping[str, Any]) -> GraphNode:
    """A node of a prompt."""
    links = {name: value for name, value in inputs.items() if isinstance(value, OutputOf)}
    values = {name: value for name, value in inputs.items() if name not in links}
    for name, entry in definition.inputs.items():
        if entry.widget and not entry.optional and name not in inputs:
            values[name] = default_of(entry)
    sockets = [Socket(name, definition.inputs[name].type, source) for name, source in links.items()]
    raw: dict[str, Any] = {"inputs": {}, "class_type": definition.type}
    if "_meta" in old:
        raw["_meta"] = {"title": definition.title}
    outputs = [(name, kind) for name, kind in definition.outputs]
    return GraphNode(number, definition.type, 0, sockets, outputs, values, raw)


def note(number: NodeId, text: str, old: Mapping[str, Any]) -> GraphNode:
    """A note for the canvas."""
    lines = sum(1 + len(line) // NOTE_LETTERS for line in text.splitlines())
    raw = {
        "id": number,
        "type": "Note",
        "pos": old.get("pos", [0, 0]),
        "size": [NOTE_WIDTH, 40 + NOTE_LINE * lines],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "title": "Converted from AnimateDiff-Evolved",
        "properties": {"text": ""},
        "widgets_values": [text],
        "color": "#432",
        "bgcolor": "#653",
    }
    return GraphNode(number, "Note", 0, [], [], [text], raw)


def stored_values(definition: TargetNode, inputs: Mapping[str, Any]) -> list[Any]:
    values = []
    for name, entry in definition.inputs.items():
        if entry.widget:
            given = inputs.get(name)
            values.append(default_of(entry) if given is None or isinstance(given, OutputOf) else given)
            values += [entry.after] if entry.after else []
    return values


def default_of(entry: TargetInput) -> Any:
    if entry.default is not None:
        return entry.default
    if entry.options:
        return entry.options[0]
    return {"INT": 0, "FLOAT": 0.0, "BOOLEAN": False}.get(entry.type, "")


def size_of(definition: TargetNode, sockets: int) -> list[float]:
    widgets = [entry for entry in definition.inputs.values() if entry.widget]
    texts = sum(entry.name in LONG_TEXTS and entry.type == "STRING" for entry in widgets)
    rows = max(sockets, len(definition.outputs), 1)
    return [NODE_WIDTH, 10 + ROW * rows + WIDGET_ROW * len(widgets) + LONG_TEXT * texts]


def _socket(entry: TargetInput, value: Any) -> Socket:
    return Socket(entry.name, entry.type, value if isinstance(value, OutputOf) else None, entry.widget)


def _stored_socket(entry: TargetInput) -> dict[str, Any]:
    socket: dict[str, Any] = {"name": entry.name, "type": entry.type, "link": None}
    if entry.widget:
        return {**socket, "widget": {"name": entry.name}}
    return {**socket, "shape": OPTIONAL_SHAPE} if entry.optional else socket
