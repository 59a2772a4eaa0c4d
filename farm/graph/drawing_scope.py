"""The links of a drawn workflow: which output or value an input gets, through reroutes, bypassed nodes and subgraphs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .node_inputs import inputs_of

MODE_MUTED, MODE_BYPASSED = 2, 4  # modes of a node
PRIMITIVE, REROUTE = "PrimitiveNode", "Reroute"
VIRTUAL = {PRIMITIVE, REROUTE, "Note", "MarkdownNote"}  # only the canvas has them
LEFT_EDGE, RIGHT_EDGE = "-10", "-20"  # the edges of a subgraph, as nodes that links name
MAX_DEPTH = 200  # links in a row: more are a loop


@dataclass(frozen=True)
class Arrival:
    """What an input gets: an output of a node, or the value of a widget on a subgraph's node."""

    node_id: str = ""  # in API form, such as "4:12" inside a subgraph
    slot: int = 0  # number of that node's output, from 0
    value: Any = None  # of the widget, where `is_value`
    is_value: bool = False  # whether this is a value; otherwise it is an output


@dataclass(frozen=True)
class Wire:
    """A link of a saved workflow, from an output to an input."""

    origin: str  # id of the node
    origin_slot: int  # number of its output, from 0
    target: str  # id of the node
    target_slot: int  # number of its input, from 0


@dataclass(frozen=True)
class Scope:
    """The nodes and links of a workflow, or of one subgraph's node in it."""

    nodes: Mapping[str, dict[str, Any]]  # by id
    links: Mapping[int, Wire]  # by id
    object_info: Mapping[str, Any]  # of the server: {node type: inputs and outputs}
    definitions: Mapping[str, Mapping[str, Any]]  # of subgraphs, by their ids
    definition: Mapping[str, Any] = field(default_factory=dict)  # of this one
    node: Mapping[str, Any] = field(default_factory=dict)  # the node that it is, in the graph around it
    parent: "Scope | None" = None  # the graph around it; None for the workflow itself
    path: tuple[str, ...] = ()  # ids of the nodes around it

    def full_id(self, node_id: str) -> str:
        return ":".join([*self.path, node_id])

    def is_subgraph(self, node: Mapping[str, Any]) -> bool:
        return node["type"] in self.definitions

    def inner(self, node: Mapping[str, Any]) -> "Scope":
        """The inside of a subgraph's node."""
        definition = self.definitions[node["type"]]
        nodes = {str(inner["id"]): inner for inner in definition["nodes"]}
        path = (*self.path, str(node["id"]))
        links = _links(definition.get("links") or [])
        return Scope(nodes, links, self.object_info, self.definitions, definition, node, self, path)

    def slots(self, node: Mapping[str, Any]) -> list[tuple[str, str, int | None]]:
        """(name, type, link) of a node's inputs in the client's order: those of its type, then what the file adds."""
        saved = {slot["name"]: slot for slot in node.get("inputs") or []}
        if node["type"] in self.object_info:
            kinds = {part.name: part.kind for part in inputs_of(self.object_info[node["type"]], {})}
        elif self.is_subgraph(node):
            kinds = {slot["name"]: slot["type"] for slot in self.definitions[node["type"]].get("inputs") or []}
        else:
            kinds = {}
        kinds |= {name: str(slot.get("type")) for name, slot in saved.items() if name not in kinds}
        return [(name, kind, saved.get(name, {}).get("link")) for name, kind in kinds.items()]

    def input_names(self, node: Mapping[str, Any]) -> list[str]:
        return [name for name, _, _ in self.slots(node)]

    def source_of_input(
        self, node: Mapping[str, Any], slot: int, kind: str | None = None, depth: int = 0
    ) -> Arrival | None:
        """What the input number `slot` of a node gets; None for one that is not connected, or to nothing that runs."""
        slots = self.slots(node)
        if slot >= len(slots) or depth > MAX_DEPTH:
            return None
        _, own_kind, number = slots[slot]
        link = self.links.get(number) if number is not None else None
        if link is None:
            return None
        if link.origin == LEFT_EDGE and self.parent is not None:
            return self._from_outside(link.origin_slot, kind or own_kind, depth)
        origin = self.nodes.get(link.origin)
        return self._source_of_output(origin, link.origin_slot, kind or own_kind, depth + 1) if origin else None

    def _from_outside(self, slot: int, kind: str, depth: int) -> Arrival | None:
        assert self.parent is not None
        name = self.definition["inputs"][slot]["name"]
        names = self.parent.input_names(self.node)
        source = self.parent.source_of_input(self.node, names.index(name), kind, depth + 1)
        values = promoted_values(self.node, self.definition)
        if source is None and ("-1", name) in values:
            return Arrival(value=values["-1", name], is_value=True)
        return source

    def _source_of_output(self, node: Mapping[str, Any], slot: int, kind: str, depth: int) -> Arrival | None:
        if depth > MAX_DEPTH or node.get("mode") == MODE_MUTED or node["type"] == PRIMITIVE:
            return None
        if node.get("mode") == MODE_BYPASSED:
            through = self._bypass_slot(node, slot, kind)
            return None if through is None else self.source_of_input(node, through, None, depth + 1)
        if node["type"] == REROUTE:
            return self.source_of_input(node, 0, kind, depth + 1)
        if self.is_subgraph(node):
            return self.inner(node)._source_of_edge(slot, kind, depth)
        return Arrival(self.full_id(str(node["id"])), slot)

    def _source_of_edge(self, slot: int, kind: str, depth: int) -> Arrival | None:
        ends = [link for link in self.links.values() if link.target == RIGHT_EDGE and link.target_slot == slot]
        if not ends:
            return None
        if ends[0].origin == LEFT_EDGE:
            return self._from_outside(ends[0].origin_slot, kind, depth)
        return self._source_of_output(self.nodes[ends[0].origin], ends[0].origin_slot, kind, depth + 1)

    def _bypass_slot(self, node: Mapping[str, Any], slot: int, kind: str) -> int | None:
        """The input that takes the place of an output: the one opposite if its type fits, else the first that fits."""
        kinds = [own for _, own, _ in self.slots(node)]
        outputs = node.get("outputs") or []
        output = str(outputs[slot].get("type")) if slot < len(outputs) else kind
        if kind in ("*", ""):
            return (slot if len(kinds) > slot else 0) if kinds else None
        if slot < len(kinds) and fits(kinds[slot], output) and fits(kinds[slot], kind):
            return slot
        exact = [number for number, own in enumerate(kinds) if own == kind]
        fitting = [number for number, own in enumerate(kinds) if fits(own, output) and fits(own, kind)]
        return next(iter(exact + fitting), None)

    def targets_of(self, node: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, str]]:
        """(node id, input) of everything that a node's outputs lead to, through reroutes."""
        for link in self.links.values():
            target = self.nodes.get(link.target)
            if link.origin != str(node["id"]) or target is None or depth > MAX_DEPTH:
                continue
            if target["type"] == REROUTE:
                yield from self.targets_of(target, depth + 1)
                continue
            saved = target.get("inputs") or []
            if link.target_slot < len(saved):
                yield link.target, saved[link.target_slot]["name"]

    def promoted(self, node_id: str) -> dict[str, Any]:
        """{input: value} that the subgraph's node around shows for a node in it."""
        if self.parent is None:
            return {}
        values = promoted_values(self.node, self.definition)
        return {name: value for (owner, name), value in values.items() if owner == node_id and value is not None}


def promoted_values(node: Mapping[str, Any], definition: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """{(inner node's id, input): value} of the widgets on a subgraph's node; "-1" stands for its own inputs."""
    shown = (node.get("properties") or {}).get("proxyWidgets")
    if not isinstance(shown, list):
        shown = [["-1", slot["name"]] for slot in node.get("inputs") or [] if slot.get("widget")]
    values = node.get("widgets_values") or []
    return {(str(owner), name): value for (owner, name, *_), value in zip(shown, values, strict=False)}


def root_scope(workflow: Mapping[str, Any], object_info: Mapping[str, Any]) -> Scope:
    nodes = {str(node["id"]): node for node in workflow["nodes"]}
    subgraphs = (workflow.get("definitions") or {}).get("subgraphs") or []
    definitions = {definition["id"]: definition for definition in subgraphs}
    return Scope(nodes, _links(workflow.get("links") or []), object_info, definitions)


def scopes_of(scope: Scope) -> list[Scope]:
    """`scope` and all subgraphs in it that run."""
    inner = [
        scope.inner(node)
        for node in scope.nodes.values()
        if scope.is_subgraph(node) and node.get("mode") not in (MODE_MUTED, MODE_BYPASSED)
    ]
    return [scope, *(deeper for one in inner for deeper in scopes_of(one))]


def is_virtual(node: Mapping[str, Any]) -> bool:
    return node["type"] in VIRTUAL


def fits(one: str, other: str) -> bool:
    """Whether the canvas allows a wire between two types; a type may be several, separated by commas."""
    if one in ("", "*", "0") or other in ("", "*", "0"):
        return True
    return bool(set(one.lower().split(",")) & set(other.lower().split(",")))


def _links(saved: list[Any]) -> dict[int, Wire]:
    """Of a workflow's lists [id, origin, slot, target, slot, type], or of a subgraph's named fields."""
    links = {}
    for link in saved:
        if isinstance(link, dict):
            fields = [link[key] for key in ("id", "origin_id", "origin_slot", "target_id", "target_slot")]
        else:
            fields = link
        if fields:
            number, origin, origin_slot, target, target_slot, *_ = fields
            links[number] = Wire(str(origin), int(origin_slot), str(target), int(target_slot))
    return links
