"""Reading nodes of other packs and of the host: their values by name, and what is linked to them."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..graph.workflow_graph import GraphNode, OutputOf
from .plan import Plan, Value


class ForeignNode:
    """A node whose widgets are known by `names`, in the order in which the canvas stores them."""

    def __init__(self, node: GraphNode, plan: Plan, names: Sequence[str], defaults: Mapping[str, Value]) -> None:
        self.node = node
        self.plan = plan
        self._names = names
        self._defaults = defaults

    def value(self, name: str) -> Value:
        """The value of a widget, or the output that is linked to it."""
        link = self.link(name)
        if link is not None:
            return link
        stored: Any = self.node.values
        if isinstance(stored, list):
            stored = dict(zip(self._names, stored, strict=False))
        found: Value | None = stored.get(name) if isinstance(stored, Mapping) else None
        return self._defaults[name] if found is None else found

    def link(self, name: str) -> OutputOf | None:
        """What is linked to a socket, also where it gives nothing, such as a bypassed node until it is switched on."""
        socket = next((socket for socket in self.node.sockets if socket.name == name), None)
        return socket.source if socket is not None else None

    def behind(self, name: str) -> GraphNode | None:
        """The node that feeds a socket, through what only passes on."""
        traced = self.plan.tracer.up(self.link(name))
        return self.plan.tracer.graph.nodes[traced.source.node] if traced.source else None

    def use(self, name: str) -> None:
        """Marks what feeds a socket as needless once the plan is carried out."""
        traced = self.plan.tracer.up(self.link(name))
        if traced.source is not None:
            self.plan.used.update(dict.fromkeys([*traced.passed, traced.source.node]))
