"""Settings that AnimateDiff-Evolved applies when it loads a motion model: positions and weights, and a mask of scale."""

from collections.abc import Mapping

from ..graph.workflow_graph import ACTIVE, BYPASSED
from .option_nodes import OptionNode
from .plan import IDEA, LOSS, Made, Plan, Value

OLD_SETTINGS = frozenset(
    [
        *("ADE_AnimateDiffModelSettings_Release", "ADE_AnimateDiffModelSettingsSimple", "ADE_AnimateDiffModelSettings"),
        "ADE_AnimateDiffModelSettingsAdvancedAttnStrengths",
    ]
)
POSITION_INPUTS = {  # of Adjust Motion Model: the widgets of ADE that mean it
    "stretch": ("pe_stretch", "motion_pe_stretch"),
    "initial_offset": ("initial_pe_idx_offset",),
    "cap": ("cap_initial_pe_length", "sweetspot"),
    "length": ("interpolate_pe_to_length", "new_sweetspot"),
    "final_offset": ("final_pe_idx_offset",),
}
WEIGHT_WIDGETS = {  # of Adjust Motion Model: the beginnings of ADE's widgets; a part with finer ones is left to them
    "all": "all",
    "positions": "pe",
    "attention": "attn",
    "queries": "attn_q",
    "keys": "attn_k",
    "values": "attn_v",
    "output weights": "attn_out_weight",
    "output biases": "attn_out_bias",
    "other": "other",
}
ENDINGS = {"add": "_ADD", "multiply": "_MULT"}
ADJUSTED_IN = "Kinema adjusts weights in full precision, AnimateDiff-Evolved in the precision of the file."
WEIGHTS_NEARER = "Use a file in fp32: with it, both give the same numbers."


def adjusted(plan: Plan, option: OptionNode | None, motion_model: Made) -> Made:
    """`motion_model` with the adjustments of an AD_SETTINGS node."""
    if option is None:
        return motion_model
    if option.type in OLD_SETTINGS:
        motion_model = _positions(plan, option, motion_model)
        return _weights(plan, option, motion_model, {"multiply": "_strength"})
    for part in option.row("pe_adjust", "prev_pe_adjust"):
        motion_model = _positions(plan, part, motion_model)
    for part in option.row("weight_adjust", "prev_weight_adjust"):
        motion_model = _weights(plan, part, motion_model, ENDINGS)
    return motion_model


def masked_scale(plan: Plan, option: OptionNode | None) -> Value:
    """The attention that the mask of an old settings node asks for; 1 without one."""
    if option is None or option.type not in OLD_SETTINGS:
        return 1.0
    mask = option.link("mask_motion_scale")
    if mask is None:
        return 1.0
    ends = {"black": option.value("min_motion_scale"), "white": option.value("max_motion_scale")}
    text = "The mask is scaled between the darkest and the brightest value in all of its frames."
    plan.remark(IDEA, option.node, text, "Set black and white of Curve from Mask.")
    inputs: dict[str, Value] = {"mask": mask, **ends, "scaling": "darkest to brightest"}
    return plan.output("KinemaCurveFromMask", option.node, inputs)


def _positions(plan: Plan, option: OptionNode, motion_model: Made) -> Made:
    found = {
        name: option.value(widget)
        for name, widgets in POSITION_INPUTS.items()
        for widget in widgets
        if widget in option.definition.widgets
    }
    if all(value == 0 for value in found.values()):
        return motion_model
    return _adjust(plan, option, motion_model, found)


def _weights(plan: Plan, option: OptionNode, motion_model: Made, endings: Mapping[str, str]) -> Made:
    changes = []
    for part, beginning in WEIGHT_WIDGETS.items():
        widgets = {name: beginning + ending for name, ending in endings.items()}
        inputs = {name: option.value(widget) for name, widget in widgets.items() if widget in option.definition.widgets}
        if any(value != (1 if name == "multiply" else 0) for name, value in inputs.items()):
            changes.append({"weights": part, **inputs})
    parts = {change["weights"] for change in changes}
    if "attention" in parts and parts & {"queries", "keys", "values", "output weights", "output biases"}:
        text = "The attention is adjusted both as a whole and in parts; in Kinema, a part gets both adjustments."
        plan.remark(
            LOSS,
            option.node,
            text,
            "Set the factors of the parts so that, with the factor of the whole, they give the intended result.",
        )
    for change in changes:
        motion_model = _adjust(plan, option, motion_model, change)
        plan.remark(IDEA, option.node, ADJUSTED_IN, WEIGHTS_NEARER)
    return motion_model


def _adjust(plan: Plan, option: OptionNode, motion_model: Made, inputs: Mapping[str, Value]) -> Made:
    mode = option.mode if option.mode == BYPASSED else ACTIVE
    node = plan.make("KinemaAdjustMotionModel", option.node, {"motion_model": motion_model, **inputs}, mode)
    return Made(node, 0)
