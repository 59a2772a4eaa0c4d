"""Motion models, motion LoRAs and keyframes of AnimateDiff-Evolved: loading and applying."""

from collections.abc import Sequence

from ..graph.workflow_graph import ACTIVE, GraphNode, OutputOf
from .keyframes import motion_over_steps
from .motion_settings import adjusted, masked_scale
from .multivals import multival, times
from .option_nodes import OptionNode
from .per_block import per_block
from .pictures_and_cameras import CAMERA_LOAD, I2V_LOAD, animate_picture, injected, with_camera
from .plan import SAID, Made, Plan, RefusedError, Value

LIKE_ADE, V2_AS_V1 = "AnimateDiff-Evolved", "AnimateDiff-Evolved, v2 as v1"
LIKE_THE_LAST = "AnimateDiff-Evolved, as the last motion model"


def loaded(plan: Plan, origin: GraphNode, name: Value, heir: bool = True) -> Made:
    """A motion model from its file."""
    if name == "":
        raise RefusedError(f"No motion model is chosen in {origin.type} ({origin.id}).")
    return plan.output("KinemaLoadMotionModel", origin, {"motion_model": file_named(plan, name, origin)}, heir=heir)


def file_named(plan: Plan, name: Value, origin: GraphNode) -> Value:
    """The file that a constant chooses in place of the link to it, because the lists of files differ."""
    known = plan.known(name)
    if not isinstance(name, OutputOf) or not isinstance(known, str):
        return name
    plan.remark(
        SAID,
        origin,
        f"{known} was chosen by another node. That node is no longer connected; the name is now in the loader.",
    )
    return known


def with_loras(plan: Plan, holder: OptionNode, motion_model: Made) -> Made:
    """`motion_model` with the motion LoRAs of `holder`. Those without a file are left out."""
    for option in holder.row("motion_lora", "prev_motion_lora"):
        name = option.value("name")
        if name not in ("", "None"):
            name = file_named(plan, name, option.node)
            inputs = {"motion_model": motion_model, "lora": name, "strength": option.value("strength")}
            motion_model = Made(plan.make("KinemaLoadMotionLora", option.node, inputs, option.mode), 0)
    return motion_model


def motion_model_of(plan: Plan, option: OptionNode) -> Made:
    """The motion model that an Apply node of ADE gets."""
    source = option.option("motion_model")
    if source is None:
        raise RefusedError(f"{option.type} ({option.node.id}) has no motion model.")
    return _loaded_by(plan, source)


def applied(plan: Plan, options: Sequence[OptionNode], schedule: str, origin: GraphNode) -> None:
    """Adds one Apply Motion Model for each of `options` to the chain; `schedule` belongs to the last, and so does the
    place of the sink `origin`."""
    active = [option for option in options if option.mode == ACTIVE]
    for option in options:
        last = option is options[-1]
        motion_model = with_loras(plan, option, motion_model_of(plan, option))
        if "Camera" in option.type:
            motion_model = with_camera(plan, option, motion_model)
        strength, attention = effects(plan, option)
        motion_model = animate_picture(plan, option, motion_model)
        inputs: dict[str, Value] = {
            "motion_model": motion_model,
            "strength": strength,
            "noise_schedule": schedule if not active or option is active[-1] else "keep the model's",
            "match": LIKE_ADE if not active or option is active[-1] else LIKE_THE_LAST,
            "attention": attention,
        }
        if "start_percent" in option.definition.widgets:
            inputs |= {name: option.value(name) for name in ("start_percent", "end_percent")}
        plan.chain("KinemaApplyMotionModel", origin if last else option.node, inputs, option.mode)


def effects(plan: Plan, option: OptionNode) -> tuple[Value, Value]:
    """Strength and attention of an Apply node or a loader: multivals, values per block and keyframes."""
    sockets = option.definition.sockets
    strength: Value = 1.0
    attention: Value = 1.0
    if "effect_multival" in sockets:
        strength = multival(plan, option.option("effect_multival"))
        attention = multival(plan, option.option("scale_multival"))
    if "per_block" in sockets:
        blocks = option.option("per_block")
        if blocks is not None:
            block_strength, block_attention = per_block(plan, blocks)
            strength = times(plan, strength, block_strength, option.node)
            attention = times(plan, attention, block_attention, option.node)
    if "ad_keyframes" in sockets:
        over_steps = motion_over_steps(plan, option)
        strength = times(plan, strength, over_steps["effect_multival"], option.node)
        attention = times(plan, attention, over_steps["scale_multival"], option.node)
    return strength, attention


def _loaded_by(plan: Plan, option: OptionNode) -> Made:
    """The motion model of a node that makes MOTION_MODEL_ADE."""
    if option.type.startswith("ADE_Inject"):
        return injected(plan, option, lambda source: _loaded_by(plan, source))
    if option.type not in ("ADE_LoadAnimateDiffModel", I2V_LOAD, CAMERA_LOAD):
        raise RefusedError(f"{option.type} ({option.node.id}) loads motion models in a way that Kinema does not know.")
    motion_model = loaded(plan, option.node, option.value("model_name"))
    return adjusted(plan, option.option("ad_settings"), motion_model)


def loader_scale(plan: Plan, option: OptionNode) -> Value:
    """The attention of an old loader: its motion_scale, times the mask of its settings."""
    scale = option.value("motion_scale") if "motion_scale" in option.definition.widgets else 1.0
    settings = option.option("ad_settings") if "ad_settings" in option.definition.sockets else None
    return times(plan, scale, masked_scale(plan, settings), option.node)
