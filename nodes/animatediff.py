from typing import Any

from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.call.moment import Curve
from ..sampling.modules.applied import Applied
from ..sampling.run.attach import attach
from .inputs.motion_files import (
    MODEL_FOLDER,
    about_file,
    best_motion_file,
    check_file,
    fingerprint,
    load_file,
    motion_files,
)
from .inputs.sockets import CATEGORY, strength_input
from .inputs.values import Told, reads_numbers


class AnimateDiffNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaAnimateDiff",
            display_name="AnimateDiff",
            category=CATEGORY,
            description="Loads a motion model and applies it to an image model, so that the image model generates "
            "animations.",
            search_aliases=[
                "txt2vid",
                "lightning",
                "animatelcm",
                "lcm",
                "animatediff",
                "animatediff loader",
                "animatediff combine",
                "animate",
                "gif",
                "video",
                "motion",
                "text to video",
            ],
            inputs=[
                io.Model.Input("model", tooltip="An SD1.5 or SDXL model, with or without LoRAs."),
                io.Combo.Input(
                    "motion_model",
                    options=motion_files(),
                    default=best_motion_file(),
                    tooltip="A file in models/animatediff_models. It must have the same base model as the "
                    "connected model. For SD1.5, mm_sd15_v3 is a good first choice.",
                ),
                strength_input(),
            ],
            outputs=[
                io.Model.Output(
                    tooltip="The model with the motion model applied. Set batch_size of the latent to the number "
                    "of frames, e.g. 16."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, motion_model: str | None = None) -> bool | str:
        return check_file(MODEL_FOLDER, motion_model)

    @classmethod
    def fingerprint_inputs(cls, motion_model: str | None = None, **_: Any) -> str:
        return fingerprint(MODEL_FOLDER, motion_model)

    @classmethod
    @reads_numbers
    def execute(cls, model: HostModel, motion_model: str, strength: float | Curve) -> io.NodeOutput | Told:
        motion = load_file(motion_model)
        animated = attach(model, motion, Applied(strength))
        return Told(io.NodeOutput(animated), about_file(motion_model, motion.model.spec))
