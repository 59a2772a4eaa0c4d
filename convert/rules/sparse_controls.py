"""SparseCtrl of Advanced-ControlNet, which cannot run without AnimateDiff-Evolved: Load SparseCtrl."""

from collections.abc import Iterator

from ..graph.tracing import Tracer, forward
from ..graph.workflow_graph import GraphNode, OutputOf
from .control_nodes import APPLIES, apply_control
from .foreign_nodes import ForeignNode
from .plan import APPROXIMATE, Made, Plan, RefusedError, Value

LOADER, MERGED = "ACN_SparseCtrlLoaderAdvanced", "ACN_SparseCtrlMergedLoaderAdvanced"
SPREAD, INDEXES = "ACN_SparseCtrlSpreadMethodNode", "ACN_SparseCtrlIndexMethodNode"
LOADERS = frozenset([LOADER, MERGED])
TAIL = ("use_motion", "motion_strength", "motion_scale", "context_aware", "sparse_hint_mult", "sparse_nonhint_mult")
LOADER_WIDGETS = {LOADER: ("sparsectrl_name", *TAIL), MERGED: ("sparsectrl_name", "control_net_name", *TAIL)}
LOADER_DEFAULTS: dict[str, Value] = {
    "use_motion": True,
    "motion_strength": 1.0,
    "motion_scale": 1.0,
    "context_aware": "off",
    "sparse_hint_mult": 1.0,
    "sparse_nonhint_mult": 1.0,
}
SPREADS = {"uniform": "spread", "starting": "start", "ending": "end", "center": "center"}
FACTORS = {
    "motion_scale": "The attention of the control's motion modules is not scaled.",
    "sparse_hint_mult": "Frames with and without a picture are weighted alike.",
    "sparse_nonhint_mult": "Frames with and without a picture are weighted alike.",
}
NEEDS_EVOLVED = "These nodes stay as they are and need AnimateDiff-Evolved."


def is_sparse(node: GraphNode, tracer: Tracer) -> bool:
    """Whether `node` loads or applies a SparseCtrl."""
    return node.type in LOADERS or (node.type in APPLIES and _loader_of(node, tracer) is not None)


def plan_sparse(node: GraphNode, tracer: Tracer) -> Plan:
    """The plan for a loader or for an Apply node; refused for all that belong together where one is refused."""
    loader = node if node.type in LOADERS else _loader_of(node, tracer)
    if loader is None:
        raise RefusedError(f"{node.type} ({node.id}) does not apply a SparseCtrl model.")
    plan = Plan(node, tracer)
    if node is not loader:
        _load(Plan(loader, tracer), loader)
        apply_control(plan, node)
        return plan
    _load(plan, loader)
    for user in _users(loader, tracer):
        if user.type in APPLIES:
            apply_control(Plan(user, tracer), user)
        elif not user.type.startswith("ControlNetApply"):
            raise RefusedError(
                f"{user.type} ({user.id}) uses the SparseCtrl of {loader.type} ({loader.id}). {NEEDS_EVOLVED}"
            )
    return plan


def _users(loader: GraphNode, tracer: Tracer) -> Iterator[GraphNode]:
    """The nodes that apply the control of `loader`, behind reroutes."""
    passes = ("Reroute", "SetNode", "GetNode")
    return (node for node in forward(tracer.graph, OutputOf(loader.id, 0), frozenset()) if node.type not in passes)


def _loader_of(node: GraphNode, tracer: Tracer) -> GraphNode | None:
    socket = next((socket for socket in node.sockets if socket.name == "control_net"), None)
    traced = tracer.up(socket.source) if socket else None
    found = tracer.graph.nodes[traced.source.node] if traced and traced.source else None
    return found if found is not None and found.type in LOADERS else None


def _load(plan: Plan, loader: GraphNode) -> None:
    foreign = ForeignNode(loader, plan, LOADER_WIDGETS[loader.type], LOADER_DEFAULTS)
    if foreign.link("tk_optional") is not None:
        raise RefusedError(f"{loader.type} ({loader.id}) uses timestep keyframes. {NEEDS_EVOLVED}")
    use_motion = plan.known(foreign.value("use_motion"))
    inputs: dict[str, Value] = {
        "sparsectrl": foreign.value("sparsectrl_name"),
        "frames": _frames(plan, loader, foreign),
        "motion": foreign.value("motion_strength") if use_motion else 0.0,
        "empty_windows": "nearest" if foreign.value("context_aware") == "nearest_hint" else "none",
    }
    for name, text in FACTORS.items():
        if plan.known(foreign.value(name)) != 1:
            plan.remark(APPROXIMATE, loader, f"{name} is left out. {text}", "Try another strength or motion.")
    plan.outputs[0] = Made(plan.make("KinemaLoadSparseCtrl", loader, inputs, loader.mode), 0)


def _frames(plan: Plan, loader: GraphNode, foreign: ForeignNode) -> Value:
    method = foreign.behind("sparse_method")
    if method is None:
        return "spread"
    if method.type == SPREAD:
        foreign.use("sparse_method")
        spread = str(plan.known(ForeignNode(method, plan, ("spread",), {"spread": "uniform"}).value("spread")))
        return SPREADS.get(spread, "spread")
    if method.type == INDEXES:
        foreign.use("sparse_method")
        return ForeignNode(method, plan, ("indexes",), {"indexes": "0"}).value("indexes")
    raise RefusedError(
        f"The frames of {loader.type} ({loader.id}) come from {method.type} ({method.id}), which computes them. "
        f"{NEEDS_EVOLVED}"
    )
