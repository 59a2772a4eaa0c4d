"""Apply nodes of Advanced-ControlNet: the host's Apply ControlNet, where they ask for nothing more."""

from ..graph.workflow_graph import GraphNode
from .foreign_nodes import ForeignNode
from .plan import Made, Plan, RefusedError, Value

APPLIES = frozenset(["ACN_AdvancedControlNetApply", "ACN_AdvancedControlNetApply_v2"])
PREPROCESSORS = frozenset(["ACN_SparseCtrlRGBPreprocessor"])
APPLY_WIDGETS = ("strength", "start_percent", "end_percent")
APPLY_DEFAULTS: dict[str, Value] = {"strength": 1.0, "start_percent": 0.0, "end_percent": 1.0}
ACN_ONLY = ("mask_optional", "timestep_kf", "latent_kf_override", "weights_override")


def apply_control(plan: Plan, node: GraphNode) -> None:
    """Makes Apply ControlNet of `node`, the origin of `plan`. Raises RefusedError."""
    foreign = ForeignNode(node, plan, APPLY_WIDGETS, APPLY_DEFAULTS)
    extra = next((name for name in ACN_ONLY if foreign.link(name) is not None), None)
    if extra is not None:
        raise RefusedError(
            f"{node.type} ({node.id}) uses the input {extra}, which ComfyUI's Apply ControlNet does not have."
        )
    image = foreign.link("image")
    vae = foreign.link("vae_optional")
    preprocessor = foreign.behind("image")
    if preprocessor is not None and preprocessor.type in PREPROCESSORS:
        picture = ForeignNode(preprocessor, plan, (), {})
        foreign.use("image")
        image = picture.link("image")
        vae = picture.link("vae")
    inputs: dict[str, Value | None] = {name: foreign.value(name) for name in APPLY_WIDGETS}
    inputs |= {name: foreign.link(name) for name in ("positive", "negative", "control_net")}
    new = plan.make("ControlNetApplyAdvanced", node, {**inputs, "image": image, "vae": vae}, node.mode)
    plan.outputs = {0: Made(new, 0), 1: Made(new, 1), 2: foreign.link("model_optional")}
