"""What the training nodes share: the socket for clips, and the inputs that become TrainSettings."""

from typing import Any

import folder_paths
from comfy_api.latest import io

from ...training.config import SETTINGS, Range, TrainSettings

ClipsSocket = io.Custom("MOTION_CLIPS")

SAMPLE_EVERY = 100


def name_input(default: str, folder: str) -> io.String.Input:
    return io.String.Input(
        "name",
        default=default,
        tooltip=f"Name of the file in models/{folder}, without ending; a/b makes a folder. The state of the training "
        "lies beside it: run the node again with the same name to go on after an interrupt.",
    )


def settings_inputs(usual: TrainSettings) -> list[Any]:
    """An input for each field of TrainSettings, with the value in `usual` as its default, and two more for the preview and
    for starting again."""

    def setting(name: str, tooltip: str, **widget: Any) -> Any:
        limits = SETTINGS[name]
        widget |= {"default": getattr(usual, name), "tooltip": tooltip}
        if isinstance(limits, Range):
            number = io.Int if isinstance(limits.least, int) else io.Float
            return number.Input(name, min=limits.least, max=limits.most, **widget)
        if isinstance(widget["default"], bool):
            return io.Boolean.Input(name, **widget)
        return io.Combo.Input(name, options=list(limits.names), **widget)

    def advanced(name: str, tooltip: str, **widget: Any) -> Any:
        return setting(name, tooltip, optional=True, advanced=True, **widget)

    return [
        setting("steps", "How often the weights are changed. More than before goes on with a finished training, if "
            "learning_rate_curve is constant."),
        setting("learning_rate", "How far each step goes. Halve it if the loss jumps or rises.", step=1e-6, round=False),
        setting("batch_size", "Clips trained at once; each takes memory."),
        setting("accumulation", "How many batches make one step: as good as a batch so many times larger, and takes no more "
            "memory, but more time."),
        setting("seed", "Decides the order of clips, the noise and the first weights. The same seed gives the same "
            "training."),
        setting("noise_schedule", "The paper's ablation: A is Stable Diffusion's schedule, B the authors' choice, C a steeper "
            "one to edit with the betas below. automatic: what this kind of motion model is used with, B for SD1.5."),
        advanced("beta_start", "First beta of the noise schedule. 0: the one that belongs to it.", step=1e-5, round=False),
        advanced("beta_end", "Last beta of the noise schedule. 0: the one that belongs to it.", step=1e-4, round=False),
        advanced("warmup", "Steps in which the learning rate rises from nothing. 100 helps with high learning rates."),
        advanced("learning_rate_curve", "constant as the authors do, or cosine: it falls to nearly nothing at the last step, "
            "which gives cleaner results in short trainings."),
        advanced("weight_decay", "How much AdamW pulls weights towards zero.", step=0.001),
        advanced("clip_norm", "Longest gradient that a step may follow; longer ones are shortened to it.", step=0.01),
        advanced("average", "The result is a moving average of the weights with this decay, which is steadier. 0: the last "
            "weights themselves.", step=0.0001, round=False),
        advanced("caption_dropout", "Part of the clips trained without their caption, so that CFG works.", step=0.01),
        advanced("timestep_bias", "1 draws all amounts of noise equally often, as the paper. Above 1 draws little noise more "
            "often: try 1.5 if frames stay grainy.", step=0.05),
        advanced("weight_limit", "1 counts all amounts of noise alike, as the paper. Above 1 more noise counts more, up to "
            "this many times: 20 learns large motion in fewer steps, because that is decided where there is much noise.",
            step=0.5),
        advanced("precision", "What the image model computes in. The weights in training are fp32 always."),
        advanced("gradient_checkpointing", "Needs much less memory and about a third more time. Changes no number."),
        advanced("save_every", "Steps between two savings of the state, in case the power fails. It is also saved at the end "
            "and when you interrupt."),
        io.Int.Input("sample_every", default=SAMPLE_EVERY, min=0, max=1_000_000, optional=True, advanced=True,
            tooltip="Steps between two sample animations in the preview. 0: none."),
        io.Boolean.Input("start_again", default=False, optional=True, advanced=True,
            tooltip="Ignore and replace what an earlier training with this name has learned."),
    ]  # fmt: skip


def check_name(name: str | None) -> bool | str:
    """For `validate_inputs`: True, or what is wrong with the name of a file."""
    parts = () if name is None else name.replace("\\", "/").split("/")
    if all(part.strip(" .") == part and part and not set(part) & set('<>:"|?*\0') for part in parts):
        return True
    return f'"{name}" is no usable file name. Use letters, digits, spaces, - and _, and / for folders.'


def folder_of(key: str) -> str:
    return str(folder_paths.get_folder_paths(key)[0])
