from dataclasses import replace
from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..motion.families import FAMILIES
from ..motion.host import HostModel, HostMotion
from ..motion.load import load_motion_model
from ..motion.save import SAVED_AS
from ..motion.spec import AUTOMATIC
from ..training.clips import Clips
from ..training.config import TrainSettings
from ..training.jobs import TrainingJob
from ..training.learner import STRUCTURES
from ..training.precision import FORMATS
from .inputs.motion_files import MODEL_FOLDER
from .inputs.options import ExplainedCombo, words_of
from .inputs.sockets import CATEGORY, MotionModelSocket
from .inputs.training_inputs import (
    SAMPLE_EVERY,
    ClipsSocket,
    check_name,
    folder_of,
    later_inputs,
    loss_plot_output,
    name_input,
    settings_inputs,
)
from .inputs.training_preview import run_training
from .inputs.values import reads_numbers

MODEL_TRAINING = TrainSettings(steps=5000, accumulation=4)
NEW_KINDS = {
    AUTOMATIC: "The usual one: v3 with an SD1.5 model, AnimateDiff SDXL with an SDXL model.",
    **{name: FAMILIES[name].words for name in STRUCTURES},
}


class TrainMotionModelNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaTrainMotionModel",
            display_name="Train Motion Model",
            category=f"{CATEGORY}/training",
            description="Trains a motion model on clips, as in the AnimateDiff paper, either from scratch or "
            "starting from an existing one. The image model does not change. You can interrupt training at any "
            "time and run the node again to continue.",
            search_aliases=["finetune", "train animatediff", "training", "motion module", "dataset"],
            is_output_node=True,
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The SD1.5 or SDXL model that the motion model is trained for. Connect the model as it is "
                    "before Apply Motion Model.",
                ),
                ClipsSocket.Input("clips", tooltip="Training clips from Load Clips."),
                name_input("my_motion_model", MODEL_FOLDER),
                *settings_inputs(MODEL_TRAINING),
                ExplainedCombo(
                    "kind",
                    NEW_KINDS,
                    default=AUTOMATIC,
                    optional=True,
                    advanced=True,
                    tooltip="Structure of a new motion model. automatic: v3 for SD1.5, AnimateDiff SDXL for SDXL. "
                    "v2 also has a motion module in the mid block; v1 normalises over all frames together.",
                ),
                ExplainedCombo(
                    "weights",
                    words_of({name: SAVED_AS[name] for name in ("fp16", "fp32")}),
                    default="fp16",
                    optional=True,
                    advanced=True,
                    tooltip="Precision of the weights in the file. A file in fp16 is half the size and animates "
                    "just as well.",
                ),
                MotionModelSocket.Input(
                    "motion_model",
                    optional=True,
                    tooltip="An existing motion model to train further, so that it learns motion that it does "
                    "not know yet. If none is connected, a new motion model is trained from scratch, which needs "
                    "very many clips.",
                ),
                *later_inputs(),
            ],
            outputs=[
                MotionModelSocket.Output(
                    display_name="MOTION_MODEL",
                    tooltip="The trained motion model, for Apply Motion Model. It is also saved to disk.",
                ),
                loss_plot_output(),
            ],
        )

    @classmethod
    def validate_inputs(cls, name: str | None = None) -> bool | str:
        return check_name(name)

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        clips: Clips,
        name: str,
        kind: str = AUTOMATIC,
        weights: str = "fp16",
        motion_model: HostMotion | None = None,
        sample_every: int = SAMPLE_EVERY,
        start_again: bool = False,
        other_clips: bool = False,
        **settings: Any,
    ) -> io.NodeOutput:
        job = TrainingJob(
            model=model,
            clips=clips,
            settings=replace(MODEL_TRAINING, **settings),
            file=Path(folder_of(MODEL_FOLDER), f"{name}.safetensors"),
            motion=motion_model,
            kind=None if kind == AUTOMATIC else kind,
            dtype=FORMATS[weights],
            start_again=start_again,
            other_clips=other_clips,
        )
        plot, shown = run_training(job, sample_every, cls)
        return io.NodeOutput(load_motion_model(job.file), plot, ui=shown)
