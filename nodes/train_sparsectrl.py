from dataclasses import replace
from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..motion.host import HostModel, HostMotion
from ..sampling.run.on_node import say
from ..sampling.sparsectrl.placement import read_placement
from ..sampling.sparsectrl.sparse_control import SparseControl, SparseSettings
from ..sampling.sparsectrl.sparse_model import load_sparsectrl
from ..training.clips import Clips
from ..training.config import TrainSettings
from ..training.jobs import TrainingJob
from .inputs.motion_files import CONTROL_FOLDER
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

SPARSECTRL_TRAINING = TrainSettings(steps=5000, accumulation=4, caption_dropout=0.5)


class TrainSparseCtrlNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaTrainSparseCtrl",
            display_name="Train SparseCtrl",
            category=f"{CATEGORY}/training",
            description="Trains an RGB SparseCtrl model (for photographs): a ControlNet that lets a motion model animate "
            "a given picture or fill in the frames between two pictures. The image model and the motion model do not "
            "change. You can interrupt training at any time and run the node again to continue.",
            search_aliases=["train sparsectrl", "train controlnet", "sparse control", "image to video", "training"],
            is_output_node=True,
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The SD1.5 model that the SparseCtrl model is trained for. Connect the model as it is before "
                    "Apply Motion Model.",
                ),
                MotionModelSocket.Input(
                    "motion_model",
                    tooltip="The motion model that the SparseCtrl model will be used with, such as mm_sd15_v3. It stays "
                    "unchanged.",
                ),
                ClipsSocket.Input(
                    "clips",
                    tooltip="Training clips from Load Clips. Each clip's own frames serve as the given pictures.",
                ),
                name_input("my_sparsectrl", CONTROL_FOLDER),
                *settings_inputs(SPARSECTRL_TRAINING),
                *later_inputs(),
            ],
            outputs=[
                io.ControlNet.Output(
                    display_name="CONTROL_NET",
                    tooltip="The trained SparseCtrl model, for Apply ControlNet, with its picture at frame 0. For other "
                    "frames and options, load the file with Load SparseCtrl.",
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
        motion_model: HostMotion,
        clips: Clips,
        name: str,
        sample_every: int = SAMPLE_EVERY,
        start_again: bool = False,
        other_clips: bool = False,
        **settings: Any,
    ) -> io.NodeOutput:
        job = TrainingJob(
            model=model,
            clips=clips,
            settings=replace(SPARSECTRL_TRAINING, **settings),
            file=Path(folder_of(CONTROL_FOLDER), f"{name}.safetensors"),
            motion=motion_model,
            sparsectrl=True,
            start_again=start_again,
            other_clips=other_clips,
        )
        plot, shown = run_training(job, sample_every, cls)
        control = SparseControl(load_sparsectrl(job.file), SparseSettings(read_placement("0"), tell=say))
        return io.NodeOutput(control, plot, ui=shown)
