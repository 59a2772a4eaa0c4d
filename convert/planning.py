"""Which nodes of a graph are converted, each by its plan."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from .definitions.node_definitions import evolved_nodes
from .graph.tracing import PASSING, REROUTES, SETTERS, Tracer, forward, is_evolved
from .graph.workflow_graph import ACTIVE, GraphNode, NodeId, OutputOf, WorkflowGraph
from .rules.core_replacements import CORE, plan_core
from .rules.plan import Plan, RefusedError
from .rules.single_nodes import SPECIAL, plan_single
from .rules.sinks import SINKS, keeps_an_unknown_schedule, plan_replaced, plan_sink
from .rules.sparse_controls import LOADERS, is_sparse, plan_sparse
from .rules.twins import TWINS

UNKNOWN = (
    "The converter does not know this node. Replace it by hand: docs/from-animatediff-evolved.md lists all nodes of "
    "AnimateDiff-Evolved 1.5.7."
)


@dataclass(frozen=True)
class Planned:
    """A node that stands for itself, with its plan or with why there is none."""

    node: GraphNode  # what the plan is about
    plan: Plan | None  # None where it was refused
    refusal: str = ""  # why there is no plan
    of_another_pack: bool = False  # whether it may stay as it is
    is_taken: bool = False  # whether it is converted


@dataclass(frozen=True)
class Order:
    """Which sinks of a graph come before which."""

    earlier: Mapping[NodeId, set[NodeId]]  # of sinks: those in front of them that others need as well
    replaced: Mapping[NodeId, set[NodeId]]  # sinks that only serve later ones: these later ones


def plan_graph(graph: WorkflowGraph, accept: bool, core: bool) -> list[Planned]:
    """The plans of `graph`, in the order of its nodes. With `accept`, those that lose something are taken as well."""
    tracer = Tracer(graph)
    order = _order(graph, tracer)
    found: dict[NodeId, Planned] = {}
    for node in graph.nodes.values():
        make = _planner(node, tracer, order, core)
        if make is None:
            continue
        foreign = not is_evolved(node.type)
        try:
            plan = make(node, tracer)
            _check_outputs(plan)
            plan.drop_unused()
        except RefusedError as refused:
            found[node.id] = Planned(node, None, str(refused), foreign)
        else:
            found[node.id] = Planned(node, plan, "", foreign, accept or not plan.losses)
    while stay := _with_what_stays(found, order):
        found |= {planned.node.id: planned for planned in stay}
    return list(found.values())


def _with_what_stays(found: Mapping[NodeId, Planned], order: Order) -> list[Planned]:
    """Sinks that would be converted without others on the same MODEL that are not; with that as the refusal."""
    stays = {number: planned.node for number, planned in found.items() if not planned.is_taken}
    refused = []
    for number, planned in found.items():
        others = order.earlier.get(number, set()) | order.replaced.get(number, set())
        first = next((stays[other] for other in others if other in stays), None)
        if planned.is_taken and first is not None:
            text = (
                f"{first.type} ({first.id}) acts on the same MODEL and was not converted, so this node was not converted "
                "either."
            )
            refused.append(Planned(planned.node, None, text))
    return refused


def _check_outputs(plan: Plan) -> None:
    """Raises RefusedError where an output is used that nothing takes the place of."""
    node = plan.origin
    for source, user, _ in plan.tracer.graph.users_of(node):
        if source.slot not in plan.outputs:
            name, _ = node.outputs[source.slot]
            raise RefusedError(
                f"{plan.tracer.graph.nodes[user].type} ({user}) uses the output {name} of {node.type} ({node.id}), which "
                "Kinema does not have."
            )


def _planner(node: GraphNode, tracer: Tracer, order: Order, core: bool) -> Callable[[GraphNode, Tracer], Plan] | None:
    """What plans `node`; None where it does not stand for itself."""
    if is_sparse(node, tracer):
        return plan_sparse
    if node.type in CORE:
        return plan_core if core else None
    if node.type in TWINS or node.type in SPECIAL:
        return plan_single
    if node.type not in SINKS:
        return None
    if node.id in order.replaced:
        return plan_replaced
    return partial(plan_sink, behind_another=node.id in order.earlier)


def remaining(graph: WorkflowGraph, planned: Iterable[Planned]) -> Iterator[tuple[GraphNode, str]]:
    """The nodes of ADE that no plan is about and that stay: unknown ones, and those that another pack uses; and why."""
    known = {plan.node.id for plan in planned}
    for node in graph.nodes.values():
        if not is_evolved(node.type) or node.id in known:
            continue
        if node.type not in evolved_nodes():
            yield node, UNKNOWN
            continue
        foreign = _foreign_user(graph, node)
        if foreign is not None:
            yield node, f"{foreign.type} ({foreign.id}) uses this node and needs AnimateDiff-Evolved."


def _foreign_user(graph: WorkflowGraph, node: GraphNode) -> GraphNode | None:
    """A node of another pack that an ADE node feeds, also through what only passes on."""
    if all(is_evolved(graph.nodes[user].type) for _, user, _ in graph.users_of(node)):
        return None
    slots = range(len(node.outputs))
    reached = (user for slot in slots for user in forward(graph, OutputOf(node.id, slot), frozenset()))
    return next((user for user in reached if not is_evolved(user.type) and user.type not in PASSING), None)


def says_why(node: GraphNode) -> bool:
    """Whether the report says why a node of another pack stays: because it cannot run without ADE."""
    return node.type in LOADERS


def _order(graph: WorkflowGraph, tracer: Tracer) -> Order:
    sinks = [node for node in graph.nodes.values() if node.type in SINKS and node.mode == ACTIVE]
    earlier: dict[NodeId, set[NodeId]] = {}
    replaced: dict[NodeId, set[NodeId]] = {}
    if len(sinks) < 2:
        return Order(earlier, replaced)
    for sink in sinks:
        later, needed = _reached(graph, sink)
        if later and not needed and not keeps_an_unknown_schedule(sink, tracer):
            replaced[sink.id] = later
        else:
            for number in later:
                earlier.setdefault(number, set()).add(sink.id)
    return Order(earlier, replaced)


def _reached(graph: WorkflowGraph, sink: GraphNode) -> tuple[set[NodeId], bool]:
    """The active sinks that the MODEL of `sink` reaches first, and whether anything else uses it."""
    waiting = [OutputOf(sink.id, 0)]
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
            needed = needed or not passes or node.type in SETTERS or (is_evolved(node.type) and node.mode == ACTIVE)
            waiting += [OutputOf(user, slot) for slot in passes]
    return later, needed
