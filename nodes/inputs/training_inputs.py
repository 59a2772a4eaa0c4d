"""What the training nodes share: the socket for clips, and the inputs that become TrainSettings."""

from dataclasses import replace
from typing import Any

import folder_paths
from comfy_api.latest import io

from ...motion.spec import Family, NoiseSchedule
from ...training.config import ABLATION, TrainSettings

ClipsSocket = io.Custom("MOTION_CLIPS")

AUTOMATIC = "automatic"
SCHEDULES = [AUTOMATIC, *ABLATION]


def name_input(default: str, folder: str) -> io.String.Input:
    return io.String.Input(
        "name",
        default=default,
        tooltip=f"Name of the file in models/{folder}, without ending; a/b makes a folder. The state of the training "
        "lies beside it: run the node again with the same name to go on after an interrupt.",
    )


def settings_inputs(steps: int, learning_rate: float, accumulation: int, save_every: int) -> list[Any]:
    """The inputs that `read_settings` reads, with the node's own defaults."""
    return [
        io.Int.Input("steps", default=steps, min=1, max=10_000_000, tooltip="How often the weights are changed. More "
            "than before goes on with a finished training, if learning_rate_curve is constant."),
        io.Float.Input("learning_rate", default=learning_rate, min=1e-8, max=1.0, step=1e-6, round=False,
            tooltip="How far each step goes. Halve it if the loss jumps or rises."),
        io.Int.Input("batch_size", default=1, min=1, max=1024, tooltip="Clips trained at once; each takes memory."),
        io.Int.Input("accumulation", default=accumulation, min=1, max=1024,
            tooltip="How many batches make one step: as good as a batch so many times larger, and takes no more memory, "
            "but more time."),
        io.Int.Input("seed", default=42, min=0, max=2**63 - 1, tooltip="Decides the order of clips, the noise and the "
            "first weights. The same seed gives the same training."),
        io.Combo.Input("noise_schedule", options=SCHEDULES, default=AUTOMATIC, tooltip="The paper's ablation: A is "
            "Stable Diffusion's schedule, B the authors' choice, C a steeper one to edit with the betas below. "
            "automatic: what this kind of motion model is used with, B for SD1.5."),
        io.Float.Input("beta_start", default=0.0, min=0.0, max=0.5, step=1e-5, round=False, optional=True, advanced=True,
            tooltip="First beta of the noise schedule. 0: the one that belongs to it."),
        io.Float.Input("beta_end", default=0.0, min=0.0, max=0.9, step=1e-4, round=False, optional=True, advanced=True,
            tooltip="Last beta of the noise schedule. 0: the one that belongs to it."),
        io.Int.Input("warmup", default=0, min=0, max=100_000, optional=True, advanced=True,
            tooltip="Steps in which the learning rate rises from nothing. 100 helps with high learning rates."),
        io.Combo.Input("learning_rate_curve", options=["constant", "cosine"], default="constant", optional=True, advanced=True,
            tooltip="constant as the authors do, or cosine: it falls to nearly nothing at the last step, which gives "
            "cleaner results in short trainings."),
        io.Float.Input("weight_decay", default=0.01, min=0.0, max=1.0, step=0.001, optional=True, advanced=True,
            tooltip="How much AdamW pulls weights towards zero."),
        io.Float.Input("clip_norm", default=1.0, min=0.01, max=1000.0, step=0.01, optional=True, advanced=True,
            tooltip="Longest gradient that a step may follow; longer ones are shortened to it."),
        io.Float.Input("average", default=0.999, min=0.0, max=0.99999, step=0.0001, round=False, optional=True, advanced=True,
            tooltip="The result is a moving average of the weights with this decay, which is steadier. 0: the last "
            "weights themselves."),
        io.Float.Input("caption_dropout", default=0.1, min=0.0, max=1.0, step=0.01, optional=True, advanced=True,
            tooltip="Part of the clips trained without their caption, so that CFG works."),
        io.Float.Input("timestep_bias", default=1.0, min=0.1, max=10.0, step=0.05, optional=True, advanced=True,
            tooltip="1 draws all amounts of noise equally often, as the paper. Above 1 draws little noise more often: "
            "try 1.5 if frames stay grainy."),
        io.Float.Input("weight_limit", default=1.0, min=1.0, max=1000.0, step=0.5, optional=True, advanced=True,
            tooltip="1 counts all amounts of noise alike, as the paper. Above 1 more noise counts more, up to this many "
            "times: 20 learns large motion in fewer steps, because that is decided where there is much noise."),
        io.Combo.Input("precision", options=["automatic", "fp32", "bf16", "fp16"], default="automatic", optional=True,
            advanced=True,
            tooltip="What the image model computes in. The weights in training are fp32 always."),
        io.Boolean.Input("gradient_checkpointing", default=False, optional=True, advanced=True,
            tooltip="Needs much less memory and about a third more time. Changes no number."),
        io.Int.Input("save_every", default=save_every, min=1, max=1_000_000, optional=True, advanced=True,
            tooltip="Steps between two savings of the state, in case the power fails. It is also saved at the end and "
            "when you interrupt."),
        io.Int.Input("sample_every", default=100, min=0, max=1_000_000, optional=True, advanced=True,
            tooltip="Steps between two sample animations in the preview. 0: none."),
        io.Boolean.Input("start_again", default=False, optional=True, advanced=True,
            tooltip="Ignore and replace what an earlier training with this name has learned."),
    ]  # fmt: skip


def read_settings(family: Family, values: dict[str, Any]) -> TrainSettings:
    """The TrainSettings that the inputs mean for a motion model of `family`."""
    return TrainSettings(
        steps=values["steps"],
        learning_rate=values["learning_rate"],
        batch=values["batch_size"],
        accumulation=values["accumulation"],
        warmup=values["warmup"],
        rate=values["learning_rate_curve"],
        weight_decay=values["weight_decay"],
        clip_norm=values["clip_norm"],
        average=values["average"],
        caption_dropout=values["caption_dropout"],
        seed=values["seed"],
        schedule=read_schedule(family, values["noise_schedule"], values["beta_start"], values["beta_end"]),
        timestep_bias=values["timestep_bias"],
        weight_limit=values["weight_limit"],
        precision=values["precision"],
        checkpointing=values["gradient_checkpointing"],
        save_every=values["save_every"],
    )


def with_defaults(node: type[io.ComfyNode], values: dict[str, Any]) -> dict[str, Any]:
    """`values` with the defaults of the inputs that a prompt has left out."""
    defaults = {socket.id: socket.default for socket in node.define_schema().inputs if hasattr(socket, "default")}
    return defaults | values


def read_schedule(family: Family, name: str, first: float, last: float) -> NoiseSchedule:
    schedule = family.schedule if name == AUTOMATIC else ABLATION[name]
    return replace(schedule, first=first or schedule.first, last=last or schedule.last, lcm_steps=None)


def check_name(name: str | None) -> bool | str:
    """For `validate_inputs`: True, or what is wrong with the name of a file."""
    parts = () if name is None else name.replace("\\", "/").split("/")
    if all(part.strip(" .") == part and part and not set(part) & set('<>:"|?*\0') for part in parts):
        return True
    return f'"{name}" is no usable file name. Use letters, digits, spaces, - and _, and / for folders.'


def folder_of(key: str) -> str:
    return str(folder_paths.get_folder_paths(key)[0])
