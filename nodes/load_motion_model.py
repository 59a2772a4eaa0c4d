from typing import Any

from comfy_api.latest import io

from .motion_files import check_file, load_file, motion_files
from .sockets import CATEGORY, MotionModelSocket


class LoadMotionModel(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaLoadMotionModel",
            display_name="Load Motion Model",
            category=CATEGORY,
            description="Loads an AnimateDiff motion model: what it learned about motion, for any checkpoint of its base.",
            search_aliases=["animatediff", "motion module", "load animatediff model", "gif", "video", "animate"],
            inputs=[
                io.Combo.Input(
                    "motion_model",
                    options=motion_files(),
                    tooltip="A file in models/animatediff_models. Its kind is recognised from its content. "
                    "SD1.5: v3_sd15_mm is a good first choice.",
                )
            ],
            outputs=[
                MotionModelSocket.Output(
                    display_name="MOTION_MODEL", tooltip="The motion model, for Apply Motion Model and Load Motion LoRA."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, motion_model: str | None = None) -> bool | str:
        return check_file(motion_model)

    @classmethod
    def execute(cls, motion_model: str) -> io.NodeOutput:
        motion: Any = load_file(motion_model)
        return io.NodeOutput(motion)
