"""Carries out plans: adds new nodes with their ids and links, and removes old nodes that are no longer needed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .definitions.node_definitions import evolved_nodes
from .graph.new_nodes import api_node, ui_node
from .graph.tracing import BROADCASTERS, GETTERS, PASSING, SETTERS, is_evolved, named
from .graph.workflow_graph import GraphNode, NodeId, OutputOf, WorkflowGraph
from .rules.plan import Made, NewNode, Plan, Value


@dataclass
class Execution:
    """The plans of one graph, carried out together, because one may link to what another replaces."""

    graph: WorkflowGraph  # changed in place
    plans: Sequence[Plan]  # those that are carried out
    next_id: Callable[[], NodeId]  # gives an id that nothing has
    kept: set[NodeId]  # old nodes that were not converted, but stand for themselves
    written: dict[NewNode, NodeId] = field(default_factory=dict)  # ids of new nodes
    removed: dict[NodeId, GraphNode] = field(default_factory=dict)  # old nodes, those that gave their id away as well
    _outputs: dict[OutputOf, Any] = field(default_factory=dict)  # what replaces outputs of old nodes

    def run(self) -> None:
        for plan in self.plans:
            outputs = {OutputOf(plan.origin.id, slot): value for slot, value in plan.outputs.items()}
            self._outputs |= outputs
        self._find_needless()
        old = dict(self.graph.nodes)
        users = self._users_of_needless()
        for needless in self.removed.values():
            self.graph.remove(needless)
        self._number()
        for plan in self.plans:
            for node in plan.nodes:
                self._write(node, old[node.origin])
        for source, user, number in users:
            if user in self.graph.nodes and old.get(user) is self.graph.nodes[user]:
                self.graph.link(self.graph.nodes[user], number, self._resolved(source))

    def new_nodes(self) -> list[GraphNode]:
        """The nodes that are new, or that took the place of another."""
        return [self.graph.nodes[number] for number in self.written.values()]

    def without_effect(self) -> Iterator[GraphNode]:
        """The old nodes of ADE that are gone and that no plan has read."""
        seen = {number for plan in self.plans for number in (plan.origin.id, *plan.used)}
        return (node for node in self.removed.values() if is_evolved(node.type) and node.id not in seen)

    def _find_needless(self) -> None:
        """Fills `removed`: the origins of all plans, and what only served them."""
        self.removed = {plan.origin.id: plan.origin for plan in self.plans}
        candidates = {number for plan in self.plans for number in plan.used if number in self.graph.nodes}
        options = {node.id for node in self.graph.nodes.values() if node.type in evolved_nodes()} - self.kept
        getters = self._getters()
        candidates |= options | self._passing_on(options - self.removed.keys(), getters)
        needed = set(self._needed_by_new())
        waiting = [number for number in candidates if number not in self.removed]
        while waiting:
            number = waiting.pop()
            node = self.graph.nodes[number]
            if number in self.removed or number in needed or not self._is_needless(node, getters):
                continue
            self.removed[number] = node
            waiting += [
                socket.source.node for socket in node.sockets if socket.source and socket.source.node in candidates
            ]
            if node.type in GETTERS:
                waiting += [other for other in candidates if other not in self.removed and self._is_setter(other)]

    def _passing_on(self, options: Iterable[NodeId], getters: Mapping[str, list[NodeId]]) -> set[NodeId]:
        """What only passes on what ADE's option nodes give."""
        found: set[NodeId] = set()
        waiting = list(options)
        while waiting:
            node = self.graph.nodes[waiting.pop()]
            users = [user for _, user, _ in self.graph.users_of(node)]
            users += getters.get(named(node), ()) if node.type in SETTERS else ()
            for user in users:
                if user not in found and self.graph.nodes[user].type in PASSING - BROADCASTERS:
                    found.add(user)
                    waiting.append(user)
        return found

    def _is_setter(self, number: NodeId) -> bool:
        return self.graph.nodes[number].type in SETTERS

    def _getters(self) -> dict[str, list[NodeId]]:
        found: dict[str, list[NodeId]] = {}
        for node in self.graph.nodes.values():
            if node.type in GETTERS:
                found.setdefault(named(node), []).append(node.id)
        return found

    def _is_needless(self, node: GraphNode, getters: Mapping[str, list[NodeId]]) -> bool:
        users: list[NodeId] = [user for _, user, _ in self.graph.users_of(node)]
        if node.type in SETTERS:
            users += getters.get(named(node), [])
        elif node.type in BROADCASTERS:  # to all inputs of a type, which need it as long as a sink of ADE stays
            sources = [self.graph.nodes[socket.source.node] for socket in node.sockets if socket.source]
            standing = {plan.origin.id for plan in self.plans} | self.kept
            left = any(is_evolved(self.graph.nodes[number].type) for number in self.kept)
            return not left and all(source.type in evolved_nodes() and source.id not in standing for source in sources)
        return all(user in self.removed for user in users)

    def _needed_by_new(self) -> Iterable[NodeId]:
        """The old nodes that new ones are linked to, and what only passes on to them."""
        for plan in self.plans:
            values = [value for node in plan.nodes for value in node.inputs.values()]
            for value in (*values, *plan.outputs.values()):
                source = self._replaced(value) if isinstance(value, OutputOf) else None
                seen = set()
                while isinstance(source, OutputOf) and source.node not in seen:
                    seen.add(source.node)
                    yield source.node
                    sockets = self.graph.nodes[source.node].sockets
                    through = sockets[0].source if len(sockets) == 1 else None
                    source = self._replaced(through) if through is not None else None

    def _users_of_needless(self) -> list[tuple[OutputOf, NodeId, int]]:
        return [entry for node in self.removed.values() for entry in self.graph.users_of(node)]

    def _number(self) -> None:
        given: set[NodeId] = set()
        for plan in self.plans:
            for node in plan.nodes:
                inherits = node.heir and node.origin in self.removed and node.origin not in given
                number = node.origin if inherits else self.next_id()
                given.add(number)
                self.written[node] = number

    def _write(self, node: NewNode, origin: GraphNode) -> None:
        number = self.written[node]
        inputs = {name: self._resolved(value) for name, value in node.inputs.items()}
        inputs = {name: value for name, value in inputs.items() if value is not None}
        looks: Mapping[str, Any] = origin.raw
        if number != origin.id:
            looks = {key: value for key, value in origin.raw.items() if key in ("pos", "order", "_meta")}
        if self.graph.form == "api":
            self.graph.add(api_node(number, node.definition, inputs, origin.raw))
        else:
            self.graph.add(ui_node(number, node.definition, inputs, node.mode, looks))

    def _resolved(self, value: Value | None) -> Any:
        """`value` with ids in place of new nodes; None for a link from a node that is gone."""
        found = self._replaced(value) if isinstance(value, OutputOf) else value
        if isinstance(found, Made):
            return OutputOf(self.written[found.node], found.slot)
        if isinstance(found, OutputOf) and found.node in self.removed:
            return None
        return found

    def _replaced(self, source: OutputOf) -> Any:
        seen = set()
        found: Any = source
        while isinstance(found, OutputOf) and found in self._outputs and found not in seen:
            seen.add(found)
            found = self._outputs[found]
        return found
