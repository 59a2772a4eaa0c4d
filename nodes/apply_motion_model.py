from comfy_api.latest import io

from ..motion.host import HostModel, HostMotion
from ..motion.positions import Beyond, PositionRule
from ..motion.spec import IMPLEMENTATIONS
from ..sampling.call.moment import Curve
from ..sampling.modules.applied import Applied
from ..sampling.run.attach import attach
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.options import ExplainedCombo, words_of
from .inputs.sockets import (
    CATEGORY,
    SAVES_TIME,
    MotionModelSocket,
    number_or_curve,
    percent_inputs,
    schedule_input,
    strength_input,
)
from .inputs.values import OpenInt, reads_numbers
from .inputs.without_effect import NEVER_ACTS, Idle


class ApplyMotionModelNode(io.ComfyNode):
    IDLE = (
        NEVER_ACTS,
        Idle("attention", lambda values: values["strength"] == 0, ", because strength is 0."),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaApplyMotionModel",
            display_name="Apply Motion Model",
            category=CATEGORY,
            description="Applies a motion model to an image model, so that the latents of a batch become the "
            "frames of a video. Works with LoRAs, ControlNets and other patches. A second Apply Motion Model adds "
            "a second motion model.",
            search_aliases=[
                "motion scale",
                "scale multival",
                "effect multival",
                "strength",
                "animatediff",
                "animatediff settings",
                "motion model settings",
                "adjust pe",
                "motion",
                "animate",
                "gif",
                "video",
                *EVOLVED_NAMES["Apply Motion Model"],
            ],
            inputs=[
                io.Model.Input("model", tooltip="An SD1.5 or SDXL model, with or without LoRAs."),
                MotionModelSocket.Input("motion_model", tooltip="The motion model from Load Motion Model."),
                strength_input(),
                schedule_input(),
                *percent_inputs("the motion model", SAVES_TIME),
                _match_input(),
                *_position_inputs(),
                io.Boolean.Input(
                    "preview_plays",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="On: the sampler's preview plays the animation in a loop while it is being made. Off: the "
                    "preview shows the first frame. To see previews at all, set Live preview method in ComfyUI's settings. "
                    "Does not affect the result.",
                ),
                number_or_curve(
                    "attention",
                    "Sharpness of temporal attention. Above 1, each frame attends mostly to the frames that "
                    "resemble it; below 1, it attends more evenly to all frames. 1.1 to 1.3 gives more motion, 0.8 "
                    "calmer motion.",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.01,
                    optional=True,
                    advanced=True,
                ),
            ],
            outputs=[
                io.Model.Output(
                    tooltip="The model with the motion model applied. Set batch_size of the latent to the number "
                    "of frames, e.g. 16."
                )
            ],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        motion_model: HostMotion,
        strength: float | Curve,
        noise_schedule: str,
        start_percent: float = 0.0,
        end_percent: float = 1.0,
        match: str = "authors",
        beyond_table: Beyond = "refuse",
        position_offset: int = 0,
        preview_plays: bool = True,
        attention: float | Curve = 1.0,
    ) -> io.NodeOutput:
        positions = PositionRule(beyond_table, position_offset)
        applied = Applied(strength, start_percent, end_percent, match, positions, attention)
        return io.NodeOutput(attach(model, motion_model, applied, noise_schedule, preview_plays))


def _match_input() -> ExplainedCombo:
    return ExplainedCombo(
        "match",
        words_of(IMPLEMENTATIONS),
        default="authors",
        optional=True,
        advanced=True,
        tooltip="Which program's results to reproduce. authors (the usual choice): computes exactly as during "
        "training. The other options reproduce animations made with the programs they are named after; the "
        "difference is visible with v1, PIA and SDXL models.",
    )


def _position_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "beyond_table",
            options=["refuse", "extend", "stretch"],
            default="refuse",
            optional=True,
            advanced=True,
            tooltip="What to do if a window has more frames than the motion model has positional encodings. refuse: "
            "stop with an error. extend: also use untrained encodings. stretch: interpolate the trained encodings, "
            "which slows the motion. Rarely needed, because long videos are split into windows automatically.",
        ),
        OpenInt(
            "position_offset",
            default=0,
            min=0,
            max=1024,
            optional=True,
            advanced=True,
            tooltip="The position at which the motion model starts counting the frames, instead of 0. Changes how "
            "things move, not where they are.",
        ),
    ]
