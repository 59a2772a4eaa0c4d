"""Reading the option nodes of AnimateDiff-Evolved (ADE): their values, and what is linked to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..definitions.node_definitions import EvolvedNode, evolved_nodes
from ..definitions.widget_values import named_values
from ..graph.tracing import Traced, bypassed_socket, is_evolved
from ..graph.workflow_graph import ACTIVE, BYPASSED, MUTED, GraphNode, OutputOf, Socket
from .plan import SAID, Plan, RefusedError, Value


@dataclass(frozen=True)
class OptionNode:
    """A node of ADE, as one plan reads it."""

    node: GraphNode  # in the old workflow
    plan: Plan  # that reads it
    mode: int  # of what is made of it

    @property
    def type(self) -> str:
        return self.node.type

    @property
    def definition(self) -> EvolvedNode:
        return evolved_nodes()[self.node.type]

    def value(self, name: str) -> Value:
        """The value of a widget, or the output that is linked to it."""
        socket = self._socket(name)
        if socket is not None and socket.source is not None:
            traced = self.plan.tracer.up(socket.source)
            if traced.source is not None:
                return socket.source
        values = self._values()
        if name in values:
            return self._plain(name, values[name])
        is_prompt = self.plan.tracer.graph.form == "api"
        default: Value | None = self._default_of_api(name) if is_prompt else self.definition.widgets[name]
        return "" if default is None else default

    def number(self, name: str) -> float:
        """A value that must be known. Raises RefusedError for a link whose value nobody knows."""
        known = self._known(name)
        try:
            return float(known)
        except ValueError:
            raise RefusedError(f"{name} of {self.type} ({self.node.id}) is {known!r}, which is not a number.") from None

    def word(self, name: str) -> str:
        """The value of a combo or a text, which must be known. Raises RefusedError as `number`."""
        return str(self._known(name))

    def switch(self, name: str) -> bool:
        """A switch that must be known. Raises RefusedError as `number`."""
        return bool(self._known(name))

    def _known(self, name: str) -> bool | int | float | str:
        known = self.plan.known(self.value(name))
        if not isinstance(known, bool | int | float | str):
            raise RefusedError(f"{name} of {self.type} ({self.node.id}) is linked, and its value is not known.")
        return known

    def loose(self, name: str) -> Value | None:
        """What an input gets that has no widget: its link, or the value in a prompt; None where it is empty."""
        link = self.link(name)
        stored = self.node.values.get(name) if isinstance(self.node.values, dict) else None
        return link if link is not None else stored

    def is_linked(self, name: str) -> bool:
        socket = self._socket(name)
        return socket is not None and self.plan.tracer.up(socket.source).source is not None

    def link(self, name: str) -> OutputOf | None:
        """What is linked to a socket, whatever it is; what gives nothing only where ADE needs a link."""
        socket = self._socket(name)
        source = socket.source if socket is not None else None
        if source is None or self.plan.tracer.up(source).source is not None or self.definition.is_required(name):
            return source
        self.plan.remark(SAID, self.node, f"The link to {name} carries nothing, so {name} counts as not connected.")
        return None

    def option(self, name: str) -> "OptionNode | None":
        """The ADE node behind a socket; None where none acts. Raises RefusedError where another pack's node is."""
        for option in self._ways(name):
            if option.mode == MUTED:
                return None
            if option.mode != BYPASSED:
                return option
            self.plan.remark(SAID, option.node, "This node is bypassed, so it counts as not connected.")
        return None

    def row(self, name: str, before: str) -> "list[OptionNode]":
        """The ADE nodes behind a socket, one behind the other by their sockets `before`, the first one first. Those
        that do not act have the mode BYPASSED. Raises RefusedError as `option`."""
        found: list[OptionNode] = []
        option: OptionNode | None = self
        socket = name
        acts = True
        seen = {self.node.id}
        while option is not None:
            option = next(option._ways(socket, once=True), None)
            if option is None or option.node.id in seen:
                break
            seen.add(option.node.id)
            acts = acts and option.node.mode != MUTED
            mode = ACTIVE if acts and option.node.mode != BYPASSED else BYPASSED
            found.append(OptionNode(option.node, self.plan, mode))
            socket = before
        return found[::-1]

    def _ways(self, name: str, once: bool = False) -> "Iterator[OptionNode]":
        """The node behind a socket, and where it is bypassed, what it passes on."""
        socket = self._socket(name)
        traced = self.plan.tracer.up(socket.source) if socket is not None else Traced(None)
        if traced.source is None and self.definition.type_of(name):
            traced = self.plan.tracer.sent(self.definition.type_of(name))
        seen = set()
        while traced.source is not None and traced.source.node not in seen:
            seen.add(traced.source.node)
            node = self.plan.tracer.graph.nodes[traced.source.node]
            if not is_evolved(node.type) or node.type not in evolved_nodes():
                kind = self.definition.type_of(name)
                raise RefusedError(
                    f"{name} of {self.type} ({self.node.id}) is fed by {node.type} ({node.id}), which makes {kind} in a "
                    "way that Kinema's nodes cannot reproduce."
                )
            self._use(traced)
            yield OptionNode(node, self.plan, node.mode)
            if once or node.mode != BYPASSED:
                return
            passed = bypassed_socket(node, traced.source.slot)
            traced = self.plan.tracer.up(passed.source) if passed else Traced(None)

    def _use(self, traced: Traced) -> None:
        """Marks the nodes on the way as no longer needed."""
        self.plan.used.update(dict.fromkeys(traced.passed))
        if traced.source is not None:
            self.plan.used[traced.source.node] = None

    def _socket(self, name: str) -> Socket | None:
        renamed = self.definition.renamed
        return next((socket for socket in self.node.sockets if renamed.get(socket.name, socket.name) == name), None)

    def _values(self) -> dict[str, Any]:
        return named_values(self.definition, self.node.values)

    def _plain(self, name: str, value: Any) -> Value:
        if value is None:
            return ""
        if not isinstance(value, bool | int | float | str):
            raise RefusedError(f"{name} of {self.type} ({self.node.id}) has no value that can be read.")
        return value

    def _default_of_api(self, name: str) -> Value | None:
        absent = self.definition.absent
        value: Value | None = absent[name] if name in absent else self.definition.widgets[name]
        if name not in absent:
            shown = "no file" if value is None else value
            text = f"{name} is not in the prompt. {shown} is used, the default of AnimateDiff-Evolved."
            self.plan.remark(SAID, self.node, text)
        return value
