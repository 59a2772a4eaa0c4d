"""The part of a converted workflow that a server can run: Kinema's nodes, and the host's nodes around them.

What the server lacks, nodes of other packs and files, is passed by as the canvas passes a bypassed node by. Where there is
nothing to pass on, a node of the host or of the miniature stands in for it; and where no sampler of the host is left behind
Kinema's nodes, one is added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kinema.convert.graph.api_form import read_api
from kinema.convert.graph.constants import constant_value
from kinema.convert.graph.tracing import PASSING, Tracer
from kinema.convert.graph.ui_form import is_ui_form, read_ui, subgraphs
from kinema.convert.graph.workflow_graph import ACTIVE, GraphNode, NodeId, OutputOf, Socket, WorkflowGraph

from ..client import Prompt
from ..graph import default_value, described_inputs, is_widget, stored_values, widgets
from .offered import Offered
from .sampling_ends import SamplingEnds
from .stand_ins import MOST, add, in_seconds, stand_in, with_own_values

OURS = "Kinema"
NOTES = frozenset(["Note", "MarkdownNote", "PrimitiveNode", *PASSING])  # of the canvas alone


@dataclass(frozen=True)
class Cut:
    """What a server runs of a workflow, or of one of its subgraphs."""

    prompt: Prompt  # in API form
    samplers: tuple[str, ...]  # the nodes whose latents Kinema's nodes have changed
    kept: int  # nodes of the workflow that run
    left: tuple[str, ...]  # classes of active nodes of the workflow that do not run
    ours_left: tuple[str, ...]  # those of them that are Kinema's


def cut_out(workflow: Mapping[str, Any], info: Mapping[str, Any], failing: frozenset[str] = frozenset()) -> list[Cut]:
    """The cuts of `workflow`, in either form, and of each of its subgraphs with nodes of Kinema.

    Args:
        workflow: As it was converted.
        info: The server's description of its nodes.
        failing: Ids of nodes that fail with what stands in for others, so that they are passed by as well.
    """
    parts = (
        [read_ui(part) for part in (workflow, *subgraphs(workflow))] if is_ui_form(workflow) else [read_api(workflow)]
    )
    return [
        _Cutting(graph, info, failing).cut() for graph in parts if any(_is_ours(node) for node in graph.nodes.values())
    ]


def _is_ours(node: GraphNode) -> bool:
    return node.type.startswith(OURS) and node.mode == ACTIVE


@dataclass
class _Cutting:
    """One cut, while it is made."""

    graph: WorkflowGraph  # that is cut
    info: Mapping[str, Any]  # of the server
    failing: frozenset[str]  # ids of nodes that are passed by
    made: Prompt = field(default_factory=dict)  # nodes that can run, and what stands in
    _tried: dict[NodeId, bool] = field(default_factory=dict)  # whether a node can run; False while it is looked at

    def __post_init__(self) -> None:
        self._tracer = Tracer(self.graph)
        self._types = {
            node.id: self.info[node.type]["output"] for node in self.graph.nodes.values() if node.type in self.info
        }

    def cut(self) -> Cut:
        nodes = [node for node in self.graph.nodes.values() if node.mode == ACTIVE and node.type not in NOTES]
        for node in nodes:
            self._runs(node)
        ours = [str(node.id) for node in nodes if _is_ours(node) and self._tried[node.id]]
        ends = SamplingEnds(self.made, self.info)
        needed = ends.behind({*ours})
        ends.add_samplers(
            [number for number in ours if number not in needed], [number for number in ours if number in needed]
        )
        needed = ends.behind({*ours})
        prompt = {number: node for number, node in self.made.items() if number in needed}
        samplers = [
            number for number in prompt if ends.samples(prompt[number]) and not ends.sources(number).isdisjoint(ours)
        ]
        for number in samplers:
            prompt[f"save {number}"] = {
                "class_type": "SaveLatent",
                "inputs": {"samples": [number, 0], "filename_prefix": f"cut {number}"},
            }
        left = [node for node in nodes if str(node.id) not in prompt]
        ours_left = tuple(node.type for node in left if _is_ours(node))
        return Cut(prompt, tuple(samplers), len(nodes) - len(left), tuple(node.type for node in left), ours_left)

    def _runs(self, node: GraphNode) -> bool:
        """Whether `node` can run. If so, it is in `made` afterwards."""
        if node.id not in self._tried:
            self._tried[node.id] = False
            can = node.mode == ACTIVE and node.type in self.info and str(node.id) not in self.failing
            inputs = self._inputs(node) if can else None
            self._tried[node.id] = inputs is not None
            if inputs is not None:
                self.made[str(node.id)] = {"class_type": node.type, "inputs": inputs}
        return self._tried[node.id]

    def _inputs(self, node: GraphNode) -> dict[str, Any] | None:
        """The inputs of `node`; None where one that it needs is not to be had."""
        info = self.info[node.type]
        values = self._values(node, info)
        sockets = {socket.name: socket for socket in node.sockets if socket.source is not None}
        found: dict[str, Any] = {}
        for name, kind, options in described_inputs(info["input"], values):
            is_required = name in info["input"].get("required", {})
            if is_widget(kind, options):
                try:
                    found[name] = self._widget(node, values.get(name), Offered(kind, options), sockets.get(name))
                except FileNotFoundError:
                    return None
                continue
            link = self._link(sockets[name].source, kind) if name in sockets else None
            if link is None and is_required:
                link = add(self.made, stand_in(kind))
            if link is not None:
                found[name] = link
            elif is_required:
                return None
        return found if _is_ours(node) else in_seconds(found)

    def _values(self, node: GraphNode, info: Mapping[str, Any]) -> dict[str, Any]:
        if self.graph.form == "ui":
            return with_own_values(node.type, stored_values(node.raw, info))
        defaults = {name: default_value(options) for name, _, options in widgets(info, dict(node.values))}
        return with_own_values(node.type, {**defaults, **node.values})

    def _widget(self, node: GraphNode, value: Any, offered: Offered, socket: Socket | None) -> Any:
        """A value or a link for a widget. Raises FileNotFoundError for a file that the server lacks."""
        if socket is not None:
            traced = self._tracer.up(socket.source)
            source = self.graph.nodes[traced.source.node] if traced.source else None
            if traced.source is not None and source is not None:
                if self._runs(source) and offered.takes_link(self._type_of(traced.source)):
                    return [str(source.id), traced.source.slot]
                constant = constant_value(source)
                value = MOST.get(socket.name, value) if constant is None else constant
        return value if _is_ours(node) or offered.takes(value) else offered.instead_of(value)

    def _link(self, source: OutputOf | None, kind: str) -> list[Any] | None:
        """What comes from `source`, past what cannot run."""
        seen = set()
        passed: list[str] = []
        while source is not None and source not in seen:
            seen.add(source)
            traced = self._tracer.up(source)
            if traced.source is None:
                return None
            source = traced.source
            node = self.graph.nodes[source.node]
            if self._runs(node):
                return [str(node.id), source.slot]
            passed.append(node.type)
            source = self._past(node, source.slot, kind)
        return add(self.made, stand_in(kind, tuple(passed)))

    def _past(self, node: GraphNode, slot: int, kind: str) -> OutputOf | None:
        """What a node that cannot run passes on: the input of the same type, that of the same number before all others."""
        numbers = [slot, *range(len(node.sockets))]
        sockets = [node.sockets[number] for number in numbers if number < len(node.sockets)]
        return next(
            (socket.source for socket in sockets if socket.source and self._kind(socket) in kind.split(",")), None
        )

    def _kind(self, socket: Socket) -> str:
        return socket.type if socket.type != "*" or socket.source is None else self._type_of(socket.source)

    def _type_of(self, source: OutputOf) -> str:
        types = self._types.get(source.node, ())
        if source.slot < len(types):
            return types[source.slot] if isinstance(types[source.slot], str) else "COMBO"
        return self.graph.nodes[source.node].output_type(source.slot)
