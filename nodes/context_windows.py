from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.run.attach import added
from ..sampling.windows.context_windows import ContextWindows
from ..sampling.windows.cut import WINDOW_SCHEDULES, WindowSpec
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, fraction_input
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
    window_schedule_input,
)
from .inputs.without_effect import NEVER_ACTS, Idle, replaced


class ContextWindowsNode(io.ComfyNode):
    IDLE = (
        NEVER_ACTS,
        Idle(
            "closed_loop",
            lambda values: not WINDOW_SCHEDULES[values["schedule"]].loops,
            ': windows of the schedule "{schedule}" do not loop. Set schedule to "looped" or "shifting", '
            "or turn closed_loop off.",
        ),
        Idle(
            "stride",
            lambda values: not WINDOW_SCHEDULES[values["schedule"]].strides,
            ': windows of the schedule "{schedule}" consist of neighbouring frames. Set schedule to "uniform" or "looped".',
        ),
        Idle(
            "overlap",
            lambda values: (
                values["overlap"] > 0 and not WINDOW_SCHEDULES[values["schedule"]].overlaps and not values["freenoise"]
            ),
            ': windows of the schedule "{schedule}" do not overlap.',
        ),
        Idle(
            "fuse_method",
            lambda values: values["overlap"] == 0 or not WINDOW_SCHEDULES[values["schedule"]].overlaps,
            ", because windows do not overlap.",
        ),
        LEAVES_SHORT,
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaContextWindows",
            display_name="Context Windows",
            category=f"{CATEGORY}/windows",
            description="Controls how long videos are split into context windows, which the model processes one "
            "after another. Videos longer than the motion model was trained for are split automatically; use this "
            "node to change how they are split. Chain several of these nodes to use different windows at different "
            "steps.",
            search_aliases=[
                "seamless loop",
                "batched non ad",
                "context options",
                "context options batched",
                "long video",
                "sliding window",
                "loop",
                *EVOLVED_NAMES["Context Windows"],
            ],
            inputs=[
                io.Model.Input("model", tooltip="The model, before or after Apply Motion Model."),
                OpenInt(
                    "length",
                    default=16,
                    min=1,
                    max=1024,
                    tooltip="How many frames the model processes together. Use the length that the motion model "
                    "was trained with: 16 for most models, 8 for HotshotXL, 32 or 64 for LongAnimateDiff.",
                ),
                overlap_input(
                    "A quarter of the length is usual; a larger overlap joins the windows more smoothly "
                    "but takes longer."
                ),
                window_schedule_input(),
                closed_loop_input(
                    'With the schedules "looped" and "shifting", joins the last frame to the first, even in short '
                    "videos. Has no effect with other schedules."
                ),
                freenoise_input(),
                fuse_input(),
                *_advanced_inputs(),
            ],
            outputs=[io.Model.Output(tooltip="The model, which processes long videos in context windows.")],
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
        schedule: str,
        closed_loop: bool = False,
        freenoise: bool = False,
        fuse_method: str = "pyramid",
        stride: int = 1,
        windows_at_once: int = 0,
        start_percent: float = 0.0,
        end_percent: float = 1.0,
        short_videos: str = "join",
    ) -> io.NodeOutput | Told:
        spec = WindowSpec(length, overlap, schedule, stride, closed_loop, short_videos)
        windows = ContextWindows(spec, fuse_method, start_percent, end_percent, windows_at_once, freenoise)
        return Told(
            io.NodeOutput(added(model, windows=windows)), replaced(model, cls, "windows") if windows.always else []
        )


def _advanced_inputs() -> list[io.Input]:
    return [
        stride_input(),
        OpenInt(
            "windows_at_once",
            default=0,
            min=0,
            max=64,
            optional=True,
            advanced=True,
            tooltip="How many windows are computed together. 0: as many as fit into the free GPU memory. "
            "1: one after another, which needs the least memory. Does not affect the result.",
        ),
        fraction_input(
            "start_percent",
            0.0,
            "When the model starts to use these windows, as a fraction of the sampling run (0 = first step).",
        ),
        fraction_input(
            "end_percent",
            1.0,
            "When the model stops using these windows, as a fraction of the sampling run. If the "
            "ranges of chained nodes overlap, the later node takes precedence.",
        ),
        short_videos_input('the schedules "looped" and "shifting"'),
    ]
