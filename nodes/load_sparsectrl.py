from typing import Any

from comfy_api.latest import io

from ..sampling.call.moment import Curve
from ..sampling.run.on_node import say
from ..sampling.sparsectrl.placement import read_placement
from ..sampling.sparsectrl.sparse_control import SparseControl, SparseSettings
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.motion_files import CONTROL_FOLDER, check_file, control_files, fingerprint, load_sparse_file
from .inputs.options import ExplainedCombo
from .inputs.sockets import CATEGORY, number_or_curve
from .inputs.values import reads_numbers

NEAREST = "nearest"
EMPTY_WINDOWS = {
    NEAREST: "The picture nearest to the window is shown at the end of the window that is closer to it. If both "
    "ends are equally far from their nearest pictures, each end shows its own; if there is only one picture, it is shown in "
    "the middle.",
    "none": "No picture is shown: the window follows only the prompt and the other windows.",
}


class LoadSparseCtrlNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaLoadSparseCtrl",
            display_name="Load SparseCtrl",
            category=f"{CATEGORY}/pictures",
            description="Loads a SparseCtrl model, a ControlNet that guides a whole video with pictures or sketches at "
            "a few of its frames, such as the first, the first and the last, or every fourth. Connect it to Apply "
            "ControlNet.",
            search_aliases=[
                "sparsectrl",
                "sparse control",
                "sparse controlnet",
                "image to video",
                "first frame",
                "last frame",
                "first and last frame",
                "keyframes",
                "storyboard",
                "scribble",
                "interpolation",
                *EVOLVED_NAMES["Load SparseCtrl"],
            ],
            inputs=[
                io.Combo.Input(
                    "sparsectrl",
                    options=control_files(),
                    tooltip="A SparseCtrl model in models/controlnet, such as v3_sd15_sparsectrl_rgb for photographs or "
                    "v3_sd15_sparsectrl_scribble for sketches. Other ControlNets are loaded with Load ControlNet Model.",
                ),
                io.String.Input(
                    "frames",
                    default="0",
                    tooltip='The frames at which the pictures are placed: numbers such as "0, -1" (-1: the last '
                    'frame), "every 4", '
                    "or one of the words spread, start, end, center. A single picture is placed at all of these "
                    "frames.",
                ),
                *_strengths(),
                ExplainedCombo(
                    "empty_windows",
                    EMPTY_WINDOWS,
                    default=NEAREST,
                    optional=True,
                    advanced=True,
                    tooltip="What the model is shown in a context window without a picture. nearest: the nearest picture, "
                    "at whichever end of the window is closer to it. none: no picture.",
                ),
            ],
            outputs=[io.ControlNet.Output(display_name="CONTROL_NET", tooltip="The control, for Apply ControlNet.")],
        )

    @classmethod
    def validate_inputs(cls, sparsectrl: str | None = None, frames: str | None = None) -> bool | str:
        found = check_file(CONTROL_FOLDER, sparsectrl)
        if found is not True or frames is None:
            return found
        try:
            read_placement(frames)
        except ValueError as error:
            return str(error)
        return True

    @classmethod
    def fingerprint_inputs(cls, sparsectrl: str | None = None, **_: Any) -> str:
        return fingerprint(CONTROL_FOLDER, sparsectrl)

    @classmethod
    @reads_numbers
    def execute(
        cls,
        sparsectrl: str,
        frames: str,
        motion: float | Curve = 1.0,
        strength: float | Curve = 1.0,
        empty_windows: str = NEAREST,
    ) -> io.NodeOutput:
        how = SparseSettings(read_placement(frames), motion, strength, empty_windows == NEAREST, say)
        return io.NodeOutput(SparseControl(load_sparse_file(sparsectrl), how))


def _strengths() -> list[io.Input]:
    words = {
        "motion": "Strength of the motion modules in this model. At 0 each latent is treated as a separate still "
        "image, not as a frame of a video.",
        "strength": "Strength of the control, multiplied by the strength of Apply ControlNet. A curve varies it over the "
        "frames, the steps or the picture.",
    }
    return [
        number_or_curve(name, text, default=1.0, min=-10.0, max=10.0, step=0.01, optional=True, advanced=True)
        for name, text in words.items()
    ]
