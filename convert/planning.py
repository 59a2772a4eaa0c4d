"""Which nodes of a graph are converted, each by its plan."""

from dataclasses import dataclass

from .graph.tracing import REROUTES, SETTERS, Tracer, is_evolved
from .graph.workflow_graph import ACTIVE, GraphNode, NodeId, Source, WorkflowGraph
from .rules.core_replacements import CORE, plan_core
from .rules.plan import Plan, RefusedError
from .rules.single_nodes import SPECIAL, TWINS, plan_single
from .rules.sinks import SINKS, keeps_an_unknown_schedule, plan_replaced, plan_sink
from .rules.sparse_controls import SPARSE, plan_sparse


@dataclass(frozen=True)
class Planned:
    """A node that stands for itself, with its plan or with why there is none."""

    node: GraphNode
    plan: Plan | None
    refusal: str = ""

    def is_taken(self, accept: bool) -> bool:
        return self.plan is not None and (accept or not self.plan.losses)


@dataclass(frozen=True)
class Order:
    """How the sinks of a graph lie one behind the other."""

    behind: frozenset[NodeId]  # sinks on whose MODEL an earlier one acts, which others need as well
    replaced: frozenset[NodeId]  # sinks that only serve later ones


def plan_graph(graph: WorkflowGraph, core: bool) -> list[Planned]:
    """The plans of `graph`, in the order of its nodes."""
    tracer = Tracer(graph)
    order = _order(graph, tracer)
    found = []
    for node in graph.nodes.values():
        if not _stands_for_itself(node, core):
            continue
        try:
            found.append(Planned(node, _plan(node, tracer, order)))
        except RefusedError as refused:
            found.append(Planned(node, None, str(refused)))
    return found


def _stands_for_itself(node: GraphNode, core: bool) -> bool:
    if core and node.type in CORE:
        return True
    return node.type in SINKS or node.type in TWINS or node.type in SPECIAL or node.type in SPARSE


def _plan(node: GraphNode, tracer: Tracer, order: Order) -> Plan:
    if node.type in SPARSE:
        return plan_sparse(node, tracer)
    if node.type in CORE:
        return plan_core(node, tracer)
    if node.type not in SINKS:
        return plan_single(node, tracer)
    if node.id in order.replaced:
        return plan_replaced(node, tracer)
    return plan_sink(node, tracer, node.id in order.behind)


def _order(graph: WorkflowGraph, tracer: Tracer) -> Order:
    sinks = [node for node in graph.nodes.values() if node.type in SINKS and node.mode == ACTIVE]
    behind: set[NodeId] = set()
    replaced: set[NodeId] = set()
    if len(sinks) < 2:
        return Order(frozenset(), frozenset())
    for sink in sinks:
        later, needed = _reached(graph, sink)
        if later and not needed and not keeps_an_unknown_schedule(sink, tracer):
            replaced.add(sink.id)
        else:
            behind |= later
    return Order(frozenset(behind), frozenset(replaced))


def _reached(graph: WorkflowGraph, sink: GraphNode) -> tuple[set[NodeId], bool]:
    """The active sinks that the MODEL of `sink` reaches first, and whether anything else uses it."""
    waiting = [Source(sink.id, 0)]
    seen: set[NodeId] = set()
    later: set[NodeId] = set()
    needed = False
    while waiting:
        for user, number in graph.users(waiting.pop()):
            node = graph.nodes[user]
            if user in seen:
                continue
            seen.add(user)
            if node.type in SINKS and node.mode == ACTIVE and node.sockets[number].name == "model":
                later.add(user)
                continue
            passes = [slot for slot, (_, kind) in enumerate(node.outputs) if kind == "MODEL" or node.type in REROUTES]
            needed = needed or not passes or node.type in SETTERS or is_evolved(node.type) and node.mode == ACTIVE
            waiting += [Source(user, slot) for slot in passes]
    return later, needed
