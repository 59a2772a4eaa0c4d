"""SparseCtrl of Advanced-ControlNet, which cannot run without AnimateDiff-Evolved: Load SparseCtrl."""

from ..graph.tracing import Tracer
from ..graph.workflow_graph import GraphNode
from .plan import Plan, RefusedError

SPARSE: frozenset[str] = frozenset()


def plan_sparse(node: GraphNode, tracer: Tracer) -> Plan:
    raise RefusedError(f"{node.type} ({node.id}) is not converted yet.")
