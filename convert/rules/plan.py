"""What the converter will write for a sink: new nodes, links and remarks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..definitions.node_definitions import TargetInput, TargetNode, target_nodes
from ..graph.constants import PRIMITIVES, constant_value
from ..graph.tracing import Tracer
from ..graph.workflow_graph import ACTIVE, BYPASSED, MUTED, GraphNode, NodeId, OutputOf

SAID, IDEA, APPROXIMATE, LOSS = "said", "same idea", "approximate", "loss"
"""The levels of a remark: nothing differs; other numbers by design; a different result; something is left out."""


class RefusedError(Exception):
    """This sink cannot be converted; the message says why."""


@dataclass(frozen=True)
class Remark:
    """Something to say about one node of the old workflow."""

    level: str  # SAID, IDEA, APPROXIMATE or LOSS
    node: NodeId  # the old node
    type: str  # its class
    text: str  # what differs, or what was done
    nearer: str = ""  # how to get nearer to the old result


@dataclass(eq=False)
class NewNode:
    """A node to be written."""

    type: str  # class
    inputs: dict[str, "Value"]  # by name; the others keep their defaults
    origin: NodeId  # the old node whose place it takes
    mode: int  # as of GraphNode
    heir: bool  # whether it takes the id, title and colours of its origin, unless an earlier one does

    @property
    def definition(self) -> TargetNode:
        return target_nodes()[self.type]


@dataclass(frozen=True)
class Made:
    """An output of a new node."""

    node: NewNode  # that makes it
    slot: int  # its number, from 0


Value = bool | int | float | str | OutputOf | Made
Link = OutputOf | Made


@dataclass
class Plan:
    """The plan for one sink, or for one node that stands for itself."""

    origin: GraphNode  # what is replaced
    tracer: Tracer  # of the old workflow
    nodes: list[NewNode] = field(default_factory=list)  # in the order in which they were made
    outputs: dict[int, Link | None] = field(default_factory=dict)  # what the users of the origin's outputs get
    model: Link | None = None  # the MODEL as far as the chain has come
    used: dict[NodeId, None] = field(default_factory=dict)  # old nodes that are needless once the plan is carried out
    remarks: list[Remark] = field(default_factory=list)  # each once

    def make(
        self, kind: str, origin: GraphNode, inputs: Mapping[str, Value | None], mode: int = ACTIVE, heir: bool = True
    ) -> NewNode:
        """A new node in the place of `origin`; inputs that are None stay empty."""
        definition = target_nodes()[kind]
        given = {name: value for name, value in inputs.items() if value is not None}
        fitted = {name: self.fitted(value, definition.inputs[name], origin) for name, value in given.items()}
        node = NewNode(kind, fitted, origin.id, mode, heir)
        self.nodes.append(node)
        return node

    def output(
        self, kind: str, origin: GraphNode, inputs: Mapping[str, Value | None], slot: int = 0, heir: bool = True
    ) -> Made:
        return Made(self.make(kind, origin, inputs, heir=heir), slot)

    def chain(
        self, kind: str, origin: GraphNode, inputs: Mapping[str, Value | None], mode: int = ACTIVE, heir: bool = True
    ) -> None:
        """The next node of the chain: MODEL in, MODEL out."""
        of_all = self.origin.mode if self.origin.mode in (MUTED, BYPASSED) else mode
        node = self.make(kind, origin, {"model": self.model, **inputs}, of_all, heir)
        self.model = Made(node, node.definition.slot("MODEL"))

    def remark(self, level: str, node: GraphNode, text: str, nearer: str = "") -> None:
        remark = Remark(level, node.id, node.type, text, nearer)
        if remark not in self.remarks:
            self.remarks.append(remark)

    def drop_unused(self) -> None:
        """Drops new nodes that nothing uses, such as the curve of a keyframe that never acts."""
        waiting = [value.node for value in (*self.outputs.values(), self.model) if isinstance(value, Made)]
        waiting += [node for node in self.nodes if not node.definition.outputs]  # which save or show
        used: set[NewNode] = set()
        while waiting:
            node = waiting.pop()
            if node not in used:
                used.add(node)
                waiting += [value.node for value in node.inputs.values() if isinstance(value, Made)]
        self.nodes = [node for node in self.nodes if node in used]

    @property
    def losses(self) -> list[Remark]:
        return [remark for remark in self.remarks if remark.level == LOSS]

    def known(self, value: Value) -> Value | None:
        """`value` where it is not a link, or the number or text that a constant feeds; None where nobody knows.

        Primitives that are read are needless, unless something else uses them.
        """
        if not isinstance(value, OutputOf):
            return None if isinstance(value, Made) else value
        traced = self.tracer.up(value)
        node = self.tracer.graph.nodes[traced.source.node] if traced.source else None
        if node is None or any(socket.source is not None for socket in node.sockets):
            return None
        if node.type in PRIMITIVES:
            self.used.update(dict.fromkeys([*traced.passed, node.id]))
        return constant_value(node)

    def fitted(self, value: Value, target: TargetInput, origin: GraphNode) -> Value:
        """`value` as the input takes it. Raises RefusedError for an unknown option and for a link of another type."""
        if isinstance(value, OutputOf):
            return self._fitted_link(value, target, origin)
        if isinstance(value, Made):
            return value
        value = _typed(value, target, origin)
        if target.options is not None and value not in target.options:
            raise RefusedError(
                f"{target.name} of {origin.type} ({origin.id}) is {value!r}, which Kinema does not have."
            )
        if isinstance(value, bool | str):
            return value
        low = target.min if target.min is not None else value
        high = target.max if target.max is not None else value
        fitted = min(max(value, low), high)
        if fitted != value:
            text = (
                f"{target.name} is {value}, but Kinema allows only values from {low:g} to {high:g}. {fitted:g} is used."
            )
            self.remark(APPROXIMATE, origin, text, f"Choose a value from {low:g} to {high:g}.")
        return int(fitted) if target.type == "INT" else fitted

    def _fitted_link(self, source: OutputOf, target: TargetInput, origin: GraphNode) -> Value:
        traced = self.tracer.up(source)
        if traced.source is None:
            return source  # as before, until someone feeds it
        node = self.tracer.graph.nodes[traced.source.node]
        kind = node.output_type(traced.source.slot)
        types = target.type.split(",")
        primitive = node.type == "PrimitiveNode"
        if "*" in (kind, target.type) or (kind in types and not (primitive and len(types) > 1)):
            return source
        value = self.known(source)
        if value is None:
            needed = " or ".join(types)
            raise RefusedError(
                f"{target.name} of {origin.type} is fed by {node.type} ({node.id}) with {kind}, but Kinema needs {needed}."
            )
        text = f"{target.name} is {value}, the value of {node.type} ({node.id}), which no longer feeds it."
        self.remark(SAID, origin, text)
        return self.fitted(value, target, origin)


def _typed(value: bool | int | float | str, target: TargetInput, origin: GraphNode) -> bool | int | float | str:
    """`value` in the type of the input. Raises RefusedError where that makes no sense."""
    kind = target.type.split(",")[0]
    try:
        if kind == "FLOAT" or (kind == "INT" and not isinstance(value, int)):
            return float(value) if kind == "FLOAT" else int(float(value))
        if kind == "INT":
            return int(value)
        return bool(value) if kind == "BOOLEAN" else str(value)
    except (ValueError, OverflowError):
        raise RefusedError(
            f"{target.name} of {origin.type} ({origin.id}) is {value!r}, which is not a number."
        ) from None
