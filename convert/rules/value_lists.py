"""Keyframes from a list of numbers: a curve over the run, where the numbers are known before it."""

import re

from .multivals import curve_text
from .option_nodes import OptionNode
from .plan import IDEA, LOSS, Plan, Value

PAIR = re.compile(r"""\s*["']?(\d+)["']?\s*[:=]\s*["']?(-?(?:\d+(?:\.\d*)?|\.\d+))["']?\s*(?:,|$)""")
SCHEDULE = "ADE_ValueScheduling"
LISTED = "The list of numbers is known only while the workflow runs: these keyframes are left out."
LISTED_NEARER = "Write the numbers into Curve over Steps, and connect it to"


def list_over_run(plan: Plan, option: OptionNode, name: str, place: str) -> Value | None:
    """The values of the list at the socket `name` of a keyframe node, spread evenly over its percentages. None for a list
    that is not known, said with the `place` in Kinema where its numbers can be written."""
    points = _points(plan, option, name)
    if not points:
        plan.remark(LOSS, option.node, LISTED, f"{LISTED_NEARER} {place}.")
        return None
    start = option.number("start_percent") * 100
    length = option.number("end_percent") * 100 - start
    last = max(points[-1][0], 1)
    keys = [f"{curve_text(start + length * frame / last)}%: {curve_text(value)}" for frame, value in points]
    smooth = "The value changes continuously instead of jumping from one number of the list to the next."
    nearer = (
        'In Curve over Steps, write one "position: value" pair for each number, and add the word "hold" after each value, '
        "e.g. 50%: 0.8 hold."
    )
    plan.remark(IDEA, option.node, smooth, nearer)
    return plan.output("KinemaCurveOverSteps", option.node, {"values": ", ".join(keys), "easing": "linear"})


def _points(plan: Plan, option: OptionNode, name: str) -> list[tuple[int, float]]:
    """Frames and values of the list, the last frame at its end; empty where they are not known."""
    source = option.link(name)
    known = plan.known(source) if source is not None else option.loose(name)
    if isinstance(known, int | float):
        return [(0, float(known))]
    traced = plan.tracer.up(source)
    node = plan.tracer.graph.nodes[traced.source.node] if traced.source else None
    if node is None or node.type != SCHEDULE:  # the one whose length is in the file
        return []
    scheduled = OptionNode(node, plan, node.mode)
    points = _read(scheduled.word("values"))
    frames = int(scheduled.number("max_length"))
    if not points:
        return []
    plan.used.update(dict.fromkeys([*traced.passed, node.id]))
    points = [point for point in points if not frames or point[0] < frames]
    return [*points, (frames - 1, points[-1][1])] if points and frames and points[-1][0] < frames - 1 else points


def _read(text: str) -> list[tuple[int, float]]:
    """Frames and values of a schedule of single frames; empty for one that has more than that."""
    inside = text.strip().removeprefix("{").removesuffix("}")
    points = []
    end = 0
    while end < len(inside.rstrip(" ,\n\t")):
        pair = PAIR.match(inside, end)
        if pair is None:
            return []
        points.append((int(pair[1]), float(pair[2])))
        end = pair.end()
    return sorted(points)
