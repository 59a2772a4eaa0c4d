from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..motion.files import read_header
from ..motion.host import HostMotion
from ..motion.lora import load_motion_lora, sort_keys
from ..sampling.call.moment import Curve
from ..sampling.modules.curved_lora import load_curved_lora
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.motion_files import LORA_FOLDER, check_file, fingerprint, lora_files, path_of
from .inputs.sockets import CATEGORY, MotionModelSocket, number_or_curve
from .inputs.values import Told, reads_numbers


class LoadMotionLoraNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaLoadMotionLora",
            display_name="Load Motion LoRA",
            category=CATEGORY,
            description="Adds a motion LoRA, such as a zoom or a pan, to a motion model. Chain several of these "
            "nodes to combine motion LoRAs.",
            search_aliases=[
                "motion lora",
                "zoom",
                "pan",
                "camera",
                "motiondirector",
                *EVOLVED_NAMES["Load Motion LoRA"],
            ],
            inputs=[
                MotionModelSocket.Input(
                    "motion_model",
                    tooltip="The motion model that the LoRA is added to. Other nodes that use this motion model "
                    "are not affected.",
                ),
                io.Combo.Input(
                    "lora",
                    options=lora_files(),
                    tooltip="A file in models/animatediff_motion_lora. The official motion LoRAs (mm_sd15_v2_lora_ZoomIn "
                    "and others) are made for mm_sd15_v2.",
                ),
                number_or_curve(
                    "strength",
                    "Strength of the LoRA. Below 0 the motion is reversed: a zoom in becomes a zoom out.",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.01,
                ),
            ],
            outputs=[
                MotionModelSocket.Output(display_name="MOTION_MODEL", tooltip="The motion model with the LoRA applied.")
            ],
        )

    @classmethod
    def validate_inputs(cls, lora: str | None = None) -> bool | str:
        return check_file(LORA_FOLDER, lora)

    @classmethod
    def fingerprint_inputs(cls, lora: str | None = None, **_: Any) -> str:
        return fingerprint(LORA_FOLDER, lora)

    @classmethod
    @reads_numbers
    def execute(cls, motion_model: HostMotion, lora: str, strength: float | Curve) -> io.NodeOutput | Told:
        if not isinstance(strength, Curve) and strength == 0:
            return io.NodeOutput(motion_model)
        path = path_of(LORA_FOLDER, lora)
        added = (
            load_curved_lora(motion_model, path, strength)
            if isinstance(strength, Curve)
            else load_motion_lora(motion_model, path, strength)
        )
        return Told(io.NodeOutput(added), _ignored(motion_model, path))


def _ignored(motion_model: HostMotion, path: str) -> list[str]:
    """What of the file does not act, in words."""
    _, unknown = sort_keys(read_header(Path(path)), motion_model.model.spec)
    if not unknown:
        return []
    keys = "1 key of the file matches" if len(unknown) == 1 else f"{len(unknown)} keys of the file match"
    return [f'{keys} no layer of the motion model and had no effect, such as "{unknown[0]}".']
