"""A workflow, or a subgraph of one, whatever the form of its file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NodeId = int | str
ACTIVE, MUTED, BYPASSED = 0, 2, 4
INPUTS, OUTPUTS = -10, -20
"""The ids of the nodes that stand for the inputs and outputs of a subgraph."""


class WorkflowError(ValueError):
    """A file that is not a workflow, or is too damaged to be converted."""


@dataclass(frozen=True)
class OutputOf:
    """An output of a node."""

    node: NodeId  # whose output it is
    slot: int  # its number, from 0


@dataclass
class Socket:
    """An input of a node, as far as it is a socket."""

    name: str  # as the node calls it
    type: str  # what may be linked to it
    source: OutputOf | None  # what is linked to it
    widget: bool = False  # whether it stands for a widget


@dataclass
class GraphNode:
    """A node of a workflow."""

    id: NodeId  # unique in its graph
    type: str  # class
    mode: int  # ACTIVE, MUTED, BYPASSED, or another of the canvas
    sockets: list[Socket]  # in the order of the file
    outputs: list[tuple[str, str]]  # names and types
    values: Any  # of the widgets: in UI form as stored, in API form by name
    raw: Mapping[str, Any]  # the node in its file

    @property
    def title(self) -> str:
        title = self.raw.get("title") or self.raw.get("_meta", {}).get("title")
        return title if isinstance(title, str) else ""

    def output_type(self, slot: int) -> str:
        return self.outputs[slot][1] if 0 <= slot < len(self.outputs) else "*"


User = tuple[NodeId, int]  # the id of a node and the number of its socket


@dataclass
class WorkflowGraph:
    """Nodes by id, in the order of the file, and who uses which output."""

    form: str  # "ui" or "api"
    nodes: dict[NodeId, GraphNode]  # in the order of the file
    name: str = ""  # of a subgraph
    _users: dict[OutputOf, dict[User, None]] = field(default_factory=dict)  # in the order in which they were linked

    def __post_init__(self) -> None:
        for node in self.nodes.values():
            self._count(node)

    def users(self, source: OutputOf) -> list[User]:
        return list(self._users.get(source, ()))

    def users_of(self, node: GraphNode) -> Iterator[tuple[OutputOf, NodeId, int]]:
        """All sockets that are linked to an output of `node`."""
        for slot in range(len(node.outputs)):
            source = OutputOf(node.id, slot)
            for user, number in self.users(source):
                yield source, user, number

    def add(self, node: GraphNode) -> None:
        self.nodes[node.id] = node
        self._count(node)

    def remove(self, node: GraphNode) -> None:
        """Removes `node`; sockets that are linked to it stay linked to nothing, until they are linked again."""
        for number in range(len(node.sockets)):
            self.link(node, number, None)
        del self.nodes[node.id]

    def link(self, node: GraphNode, number: int, source: OutputOf | None) -> None:
        """Links a socket of `node` to `source` instead of what it was linked to."""
        socket = node.sockets[number]
        if socket.source is not None:
            del self._users[socket.source][node.id, number]
        socket.source = source
        if source is not None:
            self._users.setdefault(source, {})[node.id, number] = None

    def _count(self, node: GraphNode) -> None:
        for number, socket in enumerate(node.sockets):
            if socket.source is not None:
                self._users.setdefault(socket.source, {})[node.id, number] = None
