from dataclasses import replace
from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..motion.host import HostModel, HostMotion
from ..motion.lora import load_motion_lora
from ..training.clips import Clips
from ..training.config import LoraOptions, TrainSettings
from ..training.jobs import TrainingJob
from .inputs.motion_files import LORA_FOLDER
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

LORA_TRAINING = TrainSettings(steps=300, learning_rate=5e-4, save_every=100)


class TrainMotionLoraNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaTrainMotionLora",
            display_name="Train Motion LoRA",
            category=f"{CATEGORY}/training",
            description="Teaches a motion model one additional motion, such as a camera move or a dance, from one "
            "to fifty clips. The resulting file is small and works like the official motion LoRAs.",
            search_aliases=[
                "train lora",
                "motiondirector",
                "finetune",
                "train motion lora",
                "camera motion",
                "training",
                "admd",
            ],
            is_output_node=True,
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The image model that the motion model is made for. Connect the model as it is before "
                    "Apply Motion Model.",
                ),
                MotionModelSocket.Input(
                    "motion_model",
                    tooltip="The motion model that the LoRA is trained for. The motion model itself stays unchanged.",
                ),
                ClipsSocket.Input("clips", tooltip="The clips that show the motion, from Load Clips: 1 to 50 clips."),
                name_input("my_motion_lora", LORA_FOLDER),
                io.Int.Input(
                    "rank",
                    default=64,
                    min=1,
                    max=1280,
                    tooltip="Rank of the LoRA, which determines its size. The official motion LoRAs use rank 64; "
                    "16 to 32 is enough for one clip.",
                ),
                *settings_inputs(LORA_TRAINING),
                *_motion_director_inputs(),
                *later_inputs(),
            ],
            outputs=[
                MotionModelSocket.Output(
                    display_name="MOTION_MODEL", tooltip="The motion model with the new LoRA applied at strength 1."
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
        rank: int,
        debias: bool,
        learn_looks_apart: bool = False,
        sample_every: int = SAMPLE_EVERY,
        start_again: bool = False,
        other_clips: bool = False,
        **settings: Any,
    ) -> io.NodeOutput:
        job = TrainingJob(
            model=model,
            clips=clips,
            settings=replace(LORA_TRAINING, **settings),
            file=Path(folder_of(LORA_FOLDER), f"{name}.safetensors"),
            motion=motion_model,
            lora=LoraOptions(rank=rank, debias=debias, learn_looks_apart=learn_looks_apart),
            start_again=start_again,
            other_clips=other_clips,
        )
        plot, shown = run_training(job, sample_every, cls)
        return io.NodeOutput(load_motion_lora(motion_model, job.file, 1.0), plot, ui=shown)


def _motion_director_inputs() -> list[io.Input]:
    return [
        io.Boolean.Input(
            "debias",
            default=True,
            tooltip="MotionDirector's debiased loss: also compares the frames of a clip with one another, "
            "so that less of the clip's appearance is learned.",
        ),
        io.Boolean.Input(
            "learn_looks_apart",
            default=False,
            optional=True,
            advanced=True,
            tooltip="MotionDirector's spatial pass: a second, temporary LoRA learns the appearance of "
            "single frames, so that the motion LoRA does not learn it. For one to five clips; training "
            "takes about 1.2 times as long.",
        ),
    ]
