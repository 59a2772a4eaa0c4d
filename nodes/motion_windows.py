from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.run.attach import changed
from ..sampling.windows.cut import WINDOW_SCHEDULES
from ..sampling.windows.motion_windows import MotionWindows
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.options import ExplainedCombo
from .inputs.sockets import CATEGORY
from .inputs.values import OpenInt, Told, reads_numbers
from .inputs.window_inputs import (
    LEAVES_SHORT,
    check_overlap,
    closed_loop_input,
    freenoise_input,
    fuse_input,
    overlap_input,
    short_videos_input,
    stride_input,
)
from .inputs.without_effect import Idle, replaced


class MotionWindowsNode(io.ComfyNode):
    IDLE = (
        Idle(
            "fuse_method",
            lambda values: values["overlap"] == 0 and not values["closed_loop"],
            ", because windows do not overlap.",
        ),
        LEAVES_SHORT,
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaMotionWindows",
            display_name="Motion Windows",
            category=f"{CATEGORY}/windows",
            description="Processes a long video in one go: only the motion modules work in windows; the rest of "
            "the model processes each frame once. This is faster than context windows and gives smoother "
            "transitions, but memory use grows with the number of frames.",
            search_aliases=[
                "view options",
                "context options views only",
                "freenoise",
                "freelong",
                "long video",
                "sliding window",
                "loop",
                *EVOLVED_NAMES["Motion Windows"],
            ],
            inputs=[
                io.Model.Input("model", tooltip="The model, before or after Apply Motion Model."),
                OpenInt(
                    "length",
                    default=16,
                    min=2,
                    max=1024,
                    tooltip="How many frames a motion module processes together. Use the length that the motion "
                    "model was trained with: 16 for most models, 8 for HotshotXL.",
                ),
                overlap_input(
                    "An overlap of 4 is fast; the authors of FreeNoise use 12, which gives smoother transitions."
                ),
                closed_loop_input("On: windows continue from the last frame to the first, so that the video loops."),
                freenoise_input(),
                fuse_input(),
                _schedule_input(),
                stride_input(),
                short_videos_input('the schedule "looped"'),
                _global_attention_input(),
            ],
            outputs=[io.Model.Output(tooltip="The model, whose motion modules process long videos in windows.")],
        )

    @classmethod
    def validate_inputs(cls, length: int | None = None, overlap: int | None = None) -> bool | str:
        return check_overlap(length, overlap)

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        length: int,
        overlap: int,
        closed_loop: bool = False,
        freenoise: bool = False,
        fuse_method: str = "pyramid",
        schedule: str = "static",
        stride: int = 1,
        short_videos: str = "join",
        global_attention: float = 0.0,
    ) -> io.NodeOutput | Told:
        windows = MotionWindows(
            length, overlap, fuse_method, closed_loop, freenoise, schedule, stride, short_videos, global_attention
        )
        return Told(io.NodeOutput(changed(model, motion_windows=windows)), replaced(model, cls, "motion_windows"))


def _global_attention_input() -> io.Float.Input:
    return io.Float.Input(
        "global_attention",
        default=0.0,
        min=0.0,
        max=1.0,
        step=0.05,
        optional=True,
        tooltip="FreeLong: slow changes follow an attention over the whole video, fast ones the windows. The value is the "
        "fraction of frequencies that count as slow: 0 is off, 0.25 is usual, 1 ignores the windows. Movements then span the "
        "whole video instead of repeating in every window.",
    )


def _schedule_input() -> ExplainedCombo:
    return ExplainedCombo(
        "schedule",
        {name: row.words for name, row in WINDOW_SCHEDULES.items() if row.overlaps},
        default="static",
        optional=True,
        advanced=True,
        tooltip="How the windows are placed over the video. static: for most videos; if closed_loop is on, the windows are "
        "spaced evenly around the loop. uniform: hides the seams between windows. looped: for videos that loop.",
    )
