"""Multivals, AnimateDiff-Evolved's numbers that may vary: a number of Kinema, or a curve.

A multival may be a list over frames and a mask at once; both are multiplied. Keyframes change one multival for another at
a percentage of the run; each stays until the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..graph.workflow_graph import GraphNode, OutputOf
from .option_nodes import OptionNode
from .plan import APPROXIMATE, IDEA, LOSS, Made, Plan, RefusedError, Value

MASK_TEXT = "Masks that are larger than the latents are downscaled by area averaging instead of bilinear interpolation."
MASK_NEARER = "Use a mask at latent resolution (1/8 of the image's width and height)."
SCHEDULED = frozenset(["ADE_ValueScheduling", "ADE_ValueSchedulingLatents"])
PASSES_FLOATS = "ADE_FloatToFloats"


@dataclass(frozen=True)
class Held:
    """A value that starts at a percentage of the run."""

    percent: float  # 0 to 1
    guarantee: int  # steps that it acts at least
    value: Value  # a number or a curve


def multival(plan: Plan, option: OptionNode | None) -> Value:
    """The number or curve of a multival node; 1 where there is none."""
    if option is None:
        return 1.0
    if option.type == "ADE_MultivalScaledMask":
        return _scaled_mask(plan, option)
    if option.type == "ADE_MultivalDynamic":
        number = _dynamic(plan, option)
    elif option.type in ("ADE_MultivalDynamicFloatInput", "ADE_MultivalDynamicFloats"):
        number = _floats(plan, option, option.loose("floats" if option.type.endswith("Floats") else "float_val"))
    else:
        raise RefusedError(f"{option.type} ({option.node.id}) makes numbers in a way that Kinema does not know.")
    mask = option.link("mask_optional")
    return number if mask is None else _masked(plan, option, number, mask)


def times(plan: Plan, first: Value, second: Value, origin: GraphNode) -> Value:
    """The product: a number of two numbers, else a curve."""
    if first == 1 and not isinstance(first, bool):
        return second
    if second == 1 and not isinstance(second, bool):
        return first
    if isinstance(first, int | float) and isinstance(second, int | float):
        return first * second
    return plan.output("KinemaCombineCurves", origin, {"a": first, "b": second, "operation": "multiply"}, heir=False)


def held(plan: Plan, entries: Sequence[Held], before: Value, origin: GraphNode) -> Value:
    """A value that is `before` at first and changes at each of `entries`, which are in the order of the run."""
    whole = list(entries)
    if not whole or whole[0].percent > 0:
        whole.insert(0, Held(0.0, 1, before))
    whole = [entry for entry, later in zip(whole, [*whole[1:], None], strict=True) if not _is_covered(entry, later)]
    if len(whole) == 1:
        return whole[0].value
    _say_guarantees(plan, whole, origin)
    if all(isinstance(entry.value, int | float) for entry in whole):
        return _steps(plan, _text(whole), origin)
    parts = [
        times(plan, entry.value, _steps(plan, _window(whole, number), origin), origin)
        for number, entry in enumerate(whole)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = plan.output("KinemaCombineCurves", origin, {"a": total, "b": part, "operation": "add"}, heir=False)
    return total


def step_way(plan: Plan, option: OptionNode, first: float, last: float) -> Value:
    """A curve over steps from `first` to `last`, in the time and with the easing of an interpolating keyframe node."""
    start = option.number("start_percent") * 100
    end = option.number("end_percent") * 100
    easing = option.word("interpolation").replace("_in_out", " in and out").replace("_", " ")
    text = f"{start:.6g}%: {first:.6g}, {end:.6g}%: {last:.6g}"
    smooth = "The value changes continuously instead of in small steps."
    nearer = (
        'In Curve over Steps, write one "position: value" pair for each small step, and add the word "hold" after each '
        "value, e.g. 50%: 0.8 hold."
    )
    plan.remark(IDEA, option.node, smooth, nearer)
    return plan.output("KinemaCurveOverSteps", option.node, {"values": text, "easing": easing})


def curve_text(number: float) -> str:
    return f"{number:.6g}"


def _is_covered(entry: Held, later: Held | None) -> bool:
    """Whether the next entry begins at once, so that `entry` never acts."""
    return later is not None and entry.percent == later.percent and entry.guarantee <= 1


def _text(entries: Sequence[Held]) -> str:
    return ", ".join(_key(entries, number, curve_text(float(str(entry.value)))) for number, entry in enumerate(entries))


def _window(entries: Sequence[Held], act: int) -> str:
    """1 while the entry of the number `act` acts, otherwise 0."""
    return ", ".join(_key(entries, number, "1" if number == act else "0") for number in range(len(entries)))


def _key(entries: Sequence[Held], number: int, value: str) -> str:
    entry = entries[number]
    if number and entry.percent == entries[number - 1].percent == 0:  # after the guarantee of the one before
        return f"{entries[number - 1].guarantee}: {value} hold"
    start = f"{curve_text(entry.percent * 100)}%"
    return f"{start}: {value}" if number == 0 else f"{start}: {value} hold"


def _steps(plan: Plan, text: str, origin: GraphNode) -> Made:
    return plan.output("KinemaCurveOverSteps", origin, {"values": text, "easing": "linear"}, heir=False)


def _say_guarantees(plan: Plan, entries: Sequence[Held], origin: GraphNode) -> None:
    for entry, later in pairwise(entries):
        if entry.guarantee > 1 and not (entry.percent == later.percent == 0):
            text = f"guarantee_steps is {entry.guarantee}: the next keyframe may begin earlier than in AnimateDiff-Evolved."
            plan.remark(
                APPROXIMATE, origin, text, "Write the step at which the next keyframe begins into Curve over Steps."
            )


def _scaled_mask(plan: Plan, option: OptionNode) -> Value:
    mask = option.link("mask")
    if mask is None:
        raise RefusedError(f"{option.type} ({option.node.id}) has no mask.")
    scaling = "darkest to brightest" if option.word("scaling") == "relative" else "black to white"
    ends = {"black": option.value("min_float_val"), "white": option.value("max_float_val")}
    plan.remark(IDEA, option.node, MASK_TEXT, MASK_NEARER)
    return plan.output("KinemaCurveFromMask", option.node, {"mask": mask, **ends, "scaling": scaling})


def _dynamic(plan: Plan, option: OptionNode) -> Value:
    value = option.value("float_val")
    if not isinstance(value, OutputOf):
        return _number(value)
    known = plan.known(value)
    return value if known is not None else _floats(plan, option, value)


def _number(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else 1.0


def _floats(plan: Plan, option: OptionNode, value: Value | None) -> Value:
    """The curve of a list of floats; where a schedule of ADE makes the list, the curve of its text."""
    if value is None:
        return 1.0
    if not isinstance(value, OutputOf):
        return _number(value)
    traced = plan.tracer.up(value)
    source = plan.tracer.graph.nodes[traced.source.node] if traced.source else None
    if source is not None and source.type == PASSES_FLOATS and source.sockets:
        plan.used[source.id] = None
        return _floats(plan, option, source.sockets[0].source)
    if source is not None and source.type in SCHEDULED:
        plan.used.update(dict.fromkeys([*traced.passed, source.id]))
        scheduled = OptionNode(source, plan, source.mode)
        return plan.output("KinemaCurve", source, {"values": scheduled.value("values"), "easing": "linear"})
    try:
        return plan.output("KinemaCurveFromFloats", option.node, {"values": value})
    except RefusedError as refused:
        text = f"{refused} The list of numbers is left out."
        plan.remark(LOSS, option.node, text, "Write the numbers into a Curve, and connect it instead.")
        return 1.0


def _masked(plan: Plan, option: OptionNode, number: Value, mask: OutputOf) -> Value:
    plan.remark(IDEA, option.node, MASK_TEXT, MASK_NEARER)
    white = number if isinstance(number, int | float) else 1.0
    curve = plan.output("KinemaCurveFromMask", option.node, {"mask": mask, "black": 0.0, "white": white})
    return curve if isinstance(number, int | float) else times(plan, number, curve, option.node)
