from typing import Any

from comfy_api.latest import io

from ..motion.families import FAMILIES
from ..motion.spec import AUTOMATIC
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.motion_files import MODEL_FOLDER, about_file, check_file, fingerprint, load_file, motion_files
from .inputs.options import ExplainedCombo
from .inputs.sockets import CATEGORY, MotionModelSocket
from .inputs.values import Told, reads_numbers

LABELS = {family.label: family.name for family in FAMILIES.values()}
FAMILY_KINDS = {
    AUTOMATIC: "The kind is detected from the keys and tensor shapes of the file and, if several kinds share these, "
    "from its name.",
    **{family.label: family.words for family in FAMILIES.values()},
}


class LoadMotionModelNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaLoadMotionModel",
            display_name="Load Motion Model",
            category=CATEGORY,
            description="Loads an AnimateDiff motion model, which adds motion to any checkpoint of the same base "
            "model.",
            search_aliases=[
                "lightning",
                "animatelcm",
                "lcm",
                "hotshotxl",
                "mm_sd_v15_v2",
                "mm_sd15_v3",
                "v3_sd15_mm",
                "animatediff",
                "motion module",
                "gif",
                "video",
                "motion",
                "animate",
                *EVOLVED_NAMES["Load Motion Model"],
            ],
            inputs=[
                io.Combo.Input(
                    "motion_model",
                    options=motion_files(),
                    tooltip="A file in models/animatediff_models. The kind of motion model is detected from the "
                    "content of the file and, if several kinds look the same, from its name. For SD1.5, mm_sd15_v3 is a "
                    "good first choice.",
                ),
                ExplainedCombo(
                    "kind",
                    FAMILY_KINDS,
                    default=AUTOMATIC,
                    optional=True,
                    advanced=True,
                    tooltip="The kind of motion model. automatic: it is detected from the content of the file and, if "
                    "several kinds look the same, from its name. Choose a kind yourself only if the file was renamed, if "
                    "the positional encoding is missing from it or if the model's author specifies a different kind.",
                ),
            ],
            outputs=[
                MotionModelSocket.Output(
                    display_name="MOTION_MODEL",
                    tooltip="The motion model, for Apply Motion Model and Load Motion LoRA.",
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
    def execute(cls, motion_model: str, kind: str = AUTOMATIC) -> io.NodeOutput | Told:
        motion = load_file(motion_model, LABELS.get(kind))
        return Told(io.NodeOutput(motion), about_file(motion_model, motion.model.spec))
