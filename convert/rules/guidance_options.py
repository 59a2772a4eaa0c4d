"""Custom CFG of AnimateDiff-Evolved: Animation Guidance."""

from dataclasses import dataclass

from ..graph.workflow_graph import ACTIVE
from .multivals import Held, held, multival, step_way
from .option_nodes import OptionNode
from .plan import LOSS, Plan, Value
from .value_lists import LISTED_NEARER, list_over_run

PAG, RESCALE = "pag", "rescale"
CFG_EXTRAS = {  # class: the input of Animation Guidance, and ADE's widget or socket
    "ADE_CFGExtrasPAGSimple": (PAG, "scale"),
    "ADE_CFGExtrasPAG": (PAG, "scale_multival"),
    "ADE_CFGExtrasRescaleCFGSimple": (RESCALE, "multiplier"),
    "ADE_CFGExtrasRescaleCFG": (RESCALE, "mult_multival"),
}


@dataclass(frozen=True)
class GuidanceKey:
    """What a CUSTOM_CFG node asks for at a time of the run."""

    percent: float  # of the run at which it begins, 0 to 1
    guarantee: int  # steps that it acts at least
    values: dict[str, Value]  # by inputs of Animation Guidance


def custom_cfg(plan: Plan, settings: OptionNode) -> None:
    """Adds Animation Guidance for the custom cfg of sample settings."""
    row = [option for option in settings.row("custom_cfg", "prev_custom_cfg") if option.mode == ACTIVE]
    if not row:
        return
    for option in row:
        way = _way(plan, option)
        if way is not None:
            inputs = {"cfg": way}
            plan.chain("KinemaAnimationGuidance", option.node, {**inputs, **_extras(plan, option)})
            if len(row) > 1:
                text = "Only this keyframe of custom cfg is converted; the others are left out."
                plan.remark(LOSS, option.node, text, f"{LISTED_NEARER} cfg.")
            return
    parts = sorted((_guidance(plan, option) for option in row), key=lambda part: part.percent)
    inputs = {}
    for name in ("cfg", RESCALE, PAG):
        neutral = 0.0 if name != "cfg" else parts[0].values["cfg"]
        entries = [Held(part.percent, part.guarantee, part.values.get(name, neutral)) for part in parts]
        if name == "cfg" or any(entry.value != neutral for entry in entries):
            inputs[name] = held(plan, entries, neutral, row[-1].node)
    if parts[0].percent > 0:
        text = (
            "Before the first keyframe, AnimateDiff-Evolved uses the cfg of the sampler; Kinema uses the cfg "
            "of the first keyframe."
        )
        plan.remark(LOSS, row[0].node, text, "Add a key at 0% to the curve, with the cfg of the sampler.")
    plan.chain("KinemaAnimationGuidance", row[-1].node, inputs)


def _way(plan: Plan, option: OptionNode) -> Value | None:
    """The curve of a node that sets many keyframes; None for others, and for numbers that are not known."""
    if option.type == "ADE_CustomCFGKeyframeInterpolation":
        return step_way(plan, option, option.number("cfg_start"), option.number("cfg_end"))
    if option.type == "ADE_CustomCFGKeyframeFromList":
        return list_over_run(plan, option, "cfgs_float", "cfg")
    return None


def _guidance(plan: Plan, option: OptionNode) -> GuidanceKey:
    percent = 0.0
    guarantee = 1
    if "start_percent" in option.definition.widgets:
        percent = option.number("start_percent")
    if "guarantee_steps" in option.definition.widgets:
        guarantee = int(option.number("guarantee_steps"))
    return GuidanceKey(percent, guarantee, {"cfg": _cfg(plan, option), **_extras(plan, option)})


def _cfg(plan: Plan, option: OptionNode) -> Value:
    if "cfg" in option.definition.widgets:
        return option.value("cfg")
    if "cfg_multival" in option.definition.sockets:
        return multival(plan, option.option("cfg_multival"))
    return 1.0  # of a list that is not known, which is said


def _extras(plan: Plan, option: OptionNode) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for extra in option.row("cfg_extras", "prev_extras"):
        if extra.mode == ACTIVE and extra.type in CFG_EXTRAS:
            name, source = CFG_EXTRAS[extra.type]
            linked = source in extra.definition.sockets
            found[name] = multival(plan, extra.option(source)) if linked else extra.value(source)
    return found
