"""Inputs that the nodes for windows share."""

from comfy_api.latest import io

from ...sampling.windows.cut import SHORT_VIDEOS, WINDOW_SCHEDULES, WindowSpec
from ...sampling.windows.fuse import FUSES
from .options import ExplainedCombo, words_of
from .values import OpenInt
from .without_effect import Idle

LEAVES_SHORT = Idle(
    "short_videos",
    lambda values: values["short_videos"] == "leave" and not values["closed_loop"],
    ", because closed_loop is off.",
)
"""For nodes with `short_videos_input`: only the joining of short videos is left out, and that is for closed loops."""


def overlap_input(of: str) -> OpenInt:
    return OpenInt(
        "overlap",
        default=4,
        min=0,
        max=1023,
        tooltip=f"How many frames a window shares with the next one. {of}",
    )


def closed_loop_input(tooltip: str) -> io.Boolean.Input:
    return io.Boolean.Input("closed_loop", default=False, optional=True, tooltip=tooltip)


def window_schedule_input() -> ExplainedCombo:
    return ExplainedCombo(
        "schedule",
        words_of(WINDOW_SCHEDULES),
        default="static",
        tooltip="How the windows are placed over the video. static: for most videos. uniform: hides the seams between "
        "windows. looped: for videos that loop. batched: for models without motion modules. shifting: takes the least "
        "time.",
    )


def short_videos_input(schedules: str) -> ExplainedCombo:
    return ExplainedCombo(
        "short_videos",
        SHORT_VIDEOS,
        default="join",
        optional=True,
        advanced=True,
        tooltip=f"Only for {schedules}: what happens to videos that fit into one window. The help page explains each option.",
    )


def stride_input() -> OpenInt:
    return OpenInt(
        "stride",
        default=1,
        min=1,
        max=8,
        optional=True,
        advanced=True,
        tooltip='For the schedules "uniform" and "looped": 2 adds windows that consist of every second '
        "frame, 3 also adds windows of every fourth frame, and so on. Such windows connect distant "
        "frames, but they take additional time.",
    )


def fuse_input() -> ExplainedCombo:
    return ExplainedCombo(
        "fuse_method",
        words_of(FUSES),
        default="pyramid",
        optional=True,
        advanced=True,
        tooltip="How the windows are blended where they overlap. pyramid suits most videos: each frame "
        "mostly follows the window in which it is closest to the middle. The help page explains each option.",
    )


def freenoise_input() -> io.Boolean.Input:
    return io.Boolean.Input(
        "freenoise",
        default=False,
        optional=True,
        tooltip="FreeNoise: later frames start from the shuffled noise of earlier frames, so that the windows "
        "resemble each other. This keeps long videos consistent; with a small overlap, the motion tends to repeat.",
    )


def check_overlap(length: int | None, overlap: int | None) -> bool | str:
    """For `validate_inputs`, where inputs that are linked come as None."""
    try:
        WindowSpec(16 if length is None else length, 0 if length is None or overlap is None else overlap)
    except ValueError as error:
        return str(error)
    return True
