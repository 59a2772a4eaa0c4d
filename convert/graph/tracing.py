"""Ways through a graph: from a socket up to the node that feeds it, through what only passes on."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .workflow_graph import BYPASSED, GraphNode, NodeId, OutputOf, Socket, WorkflowGraph

REROUTES = frozenset(["Reroute", "Reroute (rgthree)", "ReroutePrimitive|pysssss"])
SETTERS = frozenset(["SetNode", "easy setNode"])
GETTERS = frozenset(["GetNode", "easy getNode"])
BROADCASTERS = frozenset(["Anything Everywhere", "Anything Everywhere3", "Anything Everywhere?"])
PASSING = REROUTES | SETTERS | GETTERS | BROADCASTERS


@dataclass(frozen=True)
class Traced:
    """What feeds a socket."""

    source: OutputOf | None  # the output behind all that only passes on; None where nothing does
    passed: tuple[NodeId, ...] = ()  # what only passes on, in the order of the way up


@dataclass
class Tracer:
    """Follows the ways of one graph. A way that runs in a circle gives None, not an error."""

    graph: WorkflowGraph  # whose ways these are
    _named: dict[str, GraphNode] = field(default_factory=dict)  # Set nodes by their name
    _broadcast: dict[str, tuple[NodeId, OutputOf]] = field(default_factory=dict)  # by type: who sends it, and what

    def __post_init__(self) -> None:
        for node in self.graph.nodes.values():
            if node.type in SETTERS:
                self._named.setdefault(named(node), node)
            elif node.type in BROADCASTERS:
                for socket in node.sockets:
                    if socket.source is not None:
                        kind = self.graph.nodes[socket.source.node].output_type(socket.source.slot)
                        self._broadcast.setdefault(kind, (node.id, socket.source))

    def up(self, source: OutputOf | None) -> Traced:
        """What is behind `source`, through reroutes, Set and Get nodes, and bypassed nodes that are not ADE's."""
        passed: list[NodeId] = []
        seen: set[NodeId] = set()
        while source is not None and source.node not in seen:
            seen.add(source.node)
            node = self.graph.nodes.get(source.node)
            if node is None:
                return Traced(None, tuple(passed))
            through = self._through(node, source.slot)
            if through is node:
                return Traced(source, tuple(passed))
            passed.append(node.id)
            if node.type in GETTERS and (setter := self._named.get(named(node))):
                passed.append(setter.id)
            source = through.source if isinstance(through, Socket) else None
        return Traced(None, tuple(passed))

    def sent(self, kind: str) -> Traced:
        """What an Anything Everywhere node sends to all empty inputs of the type `kind`."""
        found = self._broadcast.get(kind)
        if found is None:
            return Traced(None)
        sender, source = found
        traced = self.up(source)
        return Traced(traced.source, (sender, *traced.passed))

    def _through(self, node: GraphNode, slot: int) -> "GraphNode | Socket | None":
        """The socket that `node` passes on; the node itself where it does more than pass on."""
        if node.type in REROUTES or node.type in SETTERS:
            return node.sockets[0] if node.sockets else None
        if node.type in GETTERS:
            setter = self._named.get(named(node))
            return setter.sockets[0] if setter and setter.sockets else None
        if node.mode == BYPASSED and not is_evolved(node.type):
            return bypassed_socket(node, slot)
        return node


def bypassed_socket(node: GraphNode, slot: int) -> Socket | None:
    """The socket that a bypassed `node` passes on to its output `slot`: the first of the same type, the socket of the
    same number before all others."""
    kind = node.output_type(slot)
    numbers = [slot, *range(len(node.sockets))]
    fitting = (node.sockets[number] for number in numbers if number < len(node.sockets))
    return next((socket for socket in fitting if socket.type == kind), None)


def is_evolved(name: str) -> bool:
    """Whether a class name is one of AnimateDiff-Evolved, of whatever version."""
    return name.startswith("ADE_") or name in (
        "AnimateDiffLoaderV1",
        "CheckpointLoaderSimpleWithNoiseSelect",
    )


def forward(graph: WorkflowGraph, start: OutputOf, kinds: frozenset[str]) -> Iterator[GraphNode]:
    """The nodes that `start` reaches, directly or through outputs of `kinds` of other nodes; each once."""
    waiting = [start]
    seen: set[NodeId] = set()
    getters: dict[str, list[GraphNode]] = {}
    for node in graph.nodes.values():
        if node.type in GETTERS:
            getters.setdefault(named(node), []).append(node)
    while waiting:
        for user, _ in graph.users(waiting.pop()):
            if user in seen:
                continue
            seen.add(user)
            node = graph.nodes[user]
            yield node
            passes = [node, *(getters.get(named(node), ()) if node.type in SETTERS else ())]
            for passing in passes:
                anything = passing.type in REROUTES or passing.type in SETTERS or passing.type in GETTERS
                for slot, (_, kind) in enumerate(passing.outputs):
                    if kind in kinds or anything:
                        waiting.append(OutputOf(passing.id, slot))


def named(node: GraphNode) -> str:
    """The name of the way that a Set or Get node stands for."""
    values = node.values
    return str(values[0]) if isinstance(values, list) and values else ""
