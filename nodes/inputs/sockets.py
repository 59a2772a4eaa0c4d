"""Kinema's own socket types and the inputs that several nodes share."""

from typing import Any

from comfy_api.latest import io

from ...motion.spec import AUTOMATIC
from ...sampling.curves.easings import WAYS
from ...sampling.noise.noise_schedules import CHOICES
from .options import ExplainedCombo, words_of
from .values import OpenFloat

CATEGORY = "AnimateDiff"

MotionModelSocket = io.Custom("MOTION_MODEL")
CurveSocket = io.Custom("KINEMA_CURVE")
CameraSocket = io.Custom("KINEMA_CAMERA")


def number_or_curve(name: str, tooltip: str, **number: Any) -> io.MultiType.Input:
    """A number widget whose socket takes a KINEMA_CURVE too, and a list of numbers; `number` are the arguments of
    io.Float.Input."""
    optional = number.get("optional", False)
    advanced = number.get("advanced")
    widget = io.Float.Input(
        name,
        tooltip=f"{tooltip} You can also connect a curve, a list of numbers, or a number outside the widget's range.",
        **number,
    )
    return io.MultiType.Input(widget, types=[CurveSocket], optional=optional, advanced=advanced)


def easing_input() -> ExplainedCombo:
    return ExplainedCombo(
        "easing",
        words_of(WAYS),
        default="linear",
        optional=True,
        tooltip="How one value changes into the next: evenly, more slowly at the start or the end, or all at once "
        "(hold).",
    )


def curve_output(tooltip: str) -> io.Output:
    return CurveSocket.Output(display_name="curve", tooltip=tooltip)


def strength_input() -> io.MultiType.Input:
    return number_or_curve(
        "strength",
        "How much motion is added. 1 is the strength that the motion model was trained with; 0 adds no motion; 1.1 "
        "to 1.3 gives more motion but less stability.",
        default=1.0,
        min=-10.0,
        max=10.0,
        step=0.01,
    )


def schedule_input() -> ExplainedCombo:
    return ExplainedCombo(
        "noise_schedule",
        CHOICES,
        default=AUTOMATIC,
        tooltip="The noise schedule, which determines how much noise each training timestep stands for. Leave it "
        'at "automatic", which uses the schedule that the motion model was trained with. The help page explains each '
        "option.",
    )


SAVES_TIME = " The layout of an animation is decided early, so ending at 0.8 changes little and saves time."
"""What to add about the end of what takes much of a step."""


def percent_inputs(what: str, about_the_end: str = "") -> list[io.Input]:
    """Between which steps `what` acts."""
    ends = {
        "start_percent": (0.0, "starts to act", "(0 = first step)."),
        "end_percent": (1.0, "stops acting", "(1 = last step)." + about_the_end),
    }
    return [
        fraction_input(name, default, f"When {what} {verb}, as a fraction of the sampling run {meaning}")
        for name, (default, verb, meaning) in ends.items()
    ]


def fraction_input(name: str, default: float, tooltip: str) -> OpenFloat:
    """A fraction of the sampling run."""
    return OpenFloat(name, default=default, min=0.0, max=1.0, step=0.001, optional=True, advanced=True, tooltip=tooltip)
