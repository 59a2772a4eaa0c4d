"""Nodes of other packs that the host's own nodes can stand in for."""

from ..graph.tracing import Tracer
from ..graph.workflow_graph import GraphNode
from .plan import Plan, RefusedError

CORE: frozenset[str] = frozenset()


def plan_core(node: GraphNode, tracer: Tracer) -> Plan:
    raise RefusedError(f"{node.type} ({node.id}) is not converted yet.")
