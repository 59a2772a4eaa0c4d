"""Context extras of AnimateDiff-Evolved, ContextRef and NaiveReuse: Window Reference."""

from ..graph.workflow_graph import ACTIVE
from .multivals import Held, held, multival, step_way, times
from .option_nodes import OptionNode
from .plan import APPROXIMATE, IDEA, LOSS, Plan, Value
from .value_lists import list_over_run

TRY_STRENGTH = "Try other values of strength and end_percent in Window Reference."


def add_window_reference(plan: Plan, holder: OptionNode, extra: OptionNode) -> None:
    """Adds Window Reference for a node of context extras that `holder` holds."""
    mode = max(holder.mode, extra.mode)
    reuse = extra.type == "ADE_ContextExtras_NaiveReuse"
    strength = multival(plan, extra.option("strength_multival"))
    if reuse:
        strength = times(plan, extra.value("weighted_mean"), strength, extra.node)
    strength = times(plan, strength, _keyframes(plan, extra, "naivereuse_kf" if reuse else "contextref_kf"), extra.node)
    if not reuse:
        strength = times(plan, strength, _contextref(plan, extra, mode), extra.node)
    elif mode == ACTIVE:
        text = "The first window is mixed into each window before the windows are blended, not afterwards."
        plan.remark(IDEA, extra.node, text, TRY_STRENGTH)
    percents = {name: extra.value(name) for name in ("start_percent", "end_percent")}
    inputs: dict[str, Value] = {"mode": "reuse" if reuse else "attend", "strength": strength, **percents}
    plan.chain("KinemaWindowReference", extra.node, inputs, mode)


def _contextref(plan: Plan, extra: OptionNode, mode: int) -> Value:
    """Says what differs. Returns the factor on the strength that the tuning asks for."""
    if mode != ACTIVE:
        return 1.0
    text = (
        "Window Reference attends to the tokens of the first window; ContextRef blends the results of two attentions."
    )
    plan.remark(APPROXIMATE, extra.node, text, TRY_STRENGTH)
    option = extra.option("contextref_mode")
    if option is not None and option.type != "ADE_ContextExtras_ContextRef_ModeFirst":
        text = "This mode of ContextRef has no equivalent: the first window serves as the reference for all others."
        plan.remark(LOSS, option.node, text, TRY_STRENGTH)
    tune = extra.option("contextref_tune")
    if tune is None:
        return 1.0
    changed = [name for name in tune.definition.widgets if name != "attn_strength" and _tunes(tune, name)]
    if changed:
        text = f"Left out: {', '.join(changed)}. Window Reference can adjust only the strength."
        plan.remark(LOSS, tune.node, text, TRY_STRENGTH)
    return tune.value("attn_strength")


def _tunes(tune: OptionNode, name: str) -> bool:
    """Whether a value of ContextRef's tuning changes what Window Reference does."""
    return name.startswith("adain") or tune.number(name) != 1


def _keyframes(plan: Plan, extra: OptionNode, name: str) -> Value:
    entries = []
    factor: Value = 1.0
    for option in extra.row(name, "prev_kf"):
        if option.mode != ACTIVE:
            continue
        _say_replaced(plan, option)
        linked = option.option("mult_multival")
        if linked is not None or not option.switch("inherit_missing"):
            factor = multival(plan, linked)
        if option.type.endswith("Interpolation"):
            way = step_way(plan, option, option.number("mult_start"), option.number("mult_end"))
            return times(plan, factor, way, option.node)
        if option.type.endswith("FromList"):
            curve = list_over_run(plan, option, "mults_float", "strength")
            if curve is None:
                continue
            return times(plan, factor, curve, option.node)
        value = times(plan, option.value("mult"), factor, option.node)
        entries.append(Held(option.number("start_percent"), int(option.number("guarantee_steps")), value))
    return held(plan, sorted(entries, key=lambda entry: entry.percent), 1.0, extra.node)


def _say_replaced(plan: Plan, option: OptionNode) -> None:
    for name in ("mode_replace", "tune_replace"):
        if name in option.definition.sockets and option.is_linked(name):
            text = (
                f"{name} of this keyframe is left out: only the strength of Window Reference can change during a run."
            )
            plan.remark(LOSS, option.node, text, TRY_STRENGTH)
