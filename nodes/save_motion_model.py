import os

import comfy.model_management
import folder_paths
from comfy_api.latest import io

from ..motion.camera_load import CAMERA
from ..motion.host import HostMotion
from ..motion.save import SAVED_AS, save_motion_model, without_patches
from .inputs.motion_files import MODEL_FOLDER
from .inputs.options import ExplainedCombo, words_of
from .inputs.sockets import CATEGORY, MotionModelSocket
from .inputs.values import Told, reads_numbers

WITHOUT_CAMERA = (
    "The camera is not saved, because a motion model file cannot contain it. After you load the file, connect Load "
    "CameraCtrl again."
)


class SaveMotionModelNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaSaveMotionModel",
            display_name="Save Motion Model",
            category=f"{CATEGORY}/motion models",
            description="Saves a motion model, including merges and motion LoRAs, as a file that Load Motion Model "
            "and other tools can read.",
            search_aliases=["save animatediff", "export motion model", "bake lora"],
            is_output_node=True,
            inputs=[
                MotionModelSocket.Input("motion_model", tooltip="The motion model to save."),
                io.String.Input(
                    "filename",
                    default="my_motion_model",
                    tooltip="File name in models/animatediff_models. An existing file is overwritten. Use / for "
                    "subfolders.",
                ),
                io.Boolean.Input(
                    "bake_loras",
                    default=True,
                    tooltip="On: motion LoRAs and merges become part of the file. Off: only the original weights of "
                    "the first motion model are saved.",
                ),
                ExplainedCombo(
                    "precision",
                    words_of(SAVED_AS),
                    default="as loaded",
                    optional=True,
                    advanced=True,
                    tooltip="Precision of the weights in the file. as loaded: the precision that each weight has "
                    "in memory, usually fp16 on a GPU.",
                ),
            ],
            outputs=[
                MotionModelSocket.Output(display_name="MOTION_MODEL", tooltip="The same motion model, unchanged.")
            ],
        )

    @classmethod
    def validate_inputs(cls, filename: str | None = None) -> bool | str:
        return True if filename is None else _refusal(filename) or True

    @classmethod
    @reads_numbers
    def execute(
        cls, motion_model: HostMotion, filename: str, bake_loras: bool, precision: str = "as loaded"
    ) -> io.NodeOutput | Told:
        folder = folder_paths.get_folder_paths(MODEL_FOLDER)[0]
        path = os.path.join(folder, filename.removesuffix(".safetensors") + ".safetensors")
        comfy.model_management.throw_exception_if_processing_interrupted()
        has_camera = motion_model.get_attachment(CAMERA) is not None
        source = motion_model if bake_loras else without_patches(motion_model)
        saved = str(save_motion_model(source, path, SAVED_AS[precision].dtype))
        return Told(io.NodeOutput(motion_model, ui={"text": [saved]}), [WITHOUT_CAMERA] if has_camera else [])


def _refusal(filename: str) -> str | None:
    parts = filename.replace("\\", "/").split("/")
    if any(part in ("", ".", "..") or ":" in part for part in parts):
        return f'"{filename}" is not a valid name for a file in models/animatediff_models. Use e.g. my_motion_model.'
    return None
