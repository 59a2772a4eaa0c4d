"""What the training nodes share: the socket for clips, and the inputs that become TrainSettings."""

from collections.abc import Callable
from functools import partial
from typing import Any

import folder_paths
from comfy_api.latest import io

from ...training.config import ON_CANVAS, SETTINGS, Range, TrainSettings
from .options import ExplainedCombo

ClipsSocket = io.Custom("MOTION_CLIPS")

SAMPLE_EVERY = 100


def name_input(default: str, folder: str) -> io.String.Input:
    return io.String.Input(
        "name",
        default=default,
        tooltip=f"Name of the file in models/{folder}, without extension. Use / for subfolders. The training state is "
        "saved next to the file. To continue after an interruption, run the node again with the same name.",
    )


def settings_inputs(usual: TrainSettings) -> list[io.Input]:
    """An input for each field of TrainSettings, with the value in `usual` as its default, and two more for the preview and
    for starting again."""
    return [
        *_main_inputs(partial(_setting, usual)),
        *_advanced_inputs(partial(_setting, usual, optional=True, advanced=True)),
        io.Int.Input("sample_every", default=SAMPLE_EVERY, min=0, max=1_000_000, optional=True, advanced=True,
            tooltip="Number of steps between sample animations, which are shown in the preview and kept as files next to "
            "the training state. 0: no sample animations."),
        io.Boolean.Input("start_again", default=False, optional=True, advanced=True,
            tooltip="Discards and replaces what an earlier training run with this name has learned."),
    ]  # fmt: skip


def _setting(usual: TrainSettings, name: str, tooltip: str, **widget: Any) -> Any:
    limits = SETTINGS[name]
    widget |= {"default": getattr(usual, name), "tooltip": tooltip, "display_name": ON_CANVAS.get(name)}
    if isinstance(limits, Range):
        number = io.Int if isinstance(limits.least, int) else io.Float
        return number.Input(name, min=limits.least, max=limits.most, **widget)
    if isinstance(widget["default"], bool):
        return io.Boolean.Input(name, **widget)
    return ExplainedCombo(name, limits.words, **widget)


def _main_inputs(setting: Callable[..., io.Input]) -> list[io.Input]:
    return [
        setting("steps", "Number of optimizer steps. To continue a finished training run, raise this number; this works "
        "only with a constant learning rate."),
        setting("learning_rate", "Size of each optimizer step. Halve it if the loss jumps or rises.", step=1e-6, round=False),
        setting("batch_size", "Number of clips per batch; each additional clip needs more memory."),
        setting("accumulation", "Gradient accumulation: number of batches per optimizer step. Has the same effect "
            "as a larger batch and needs no additional memory, but is slower."),
        setting("seed", "Determines the noise, the initial weights and the order of the clips. The same seed "
            "reproduces the training run. A run that is continued keeps the seed that it began with.",
            control_after_generate=io.ControlAfterGenerate.fixed),
        setting("noise_schedule", "One of the noise schedules compared in the AnimateDiff paper: A is Stable "
            "Diffusion's own, B the one that the authors chose, C a steeper one. beta_start and beta_end change the "
            "betas of any of them. automatic: the schedule used with this kind of motion model (B for SD1.5)."),
    ]  # fmt: skip


def _advanced_inputs(setting: Callable[..., io.Input]) -> list[io.Input]:
    return [
        setting("beta_start", "First beta of the noise schedule. 0: the default of the schedule.", step=1e-5, round=False),
        setting("beta_end", "Last beta of the noise schedule. 0: the default of the schedule.", step=1e-4, round=False),
        setting("warmup", "Number of steps over which the learning rate rises from zero. 100 helps with high "
            "learning rates."),
        setting("learning_rate_curve", "Learning rate schedule. constant: what the AnimateDiff authors use. "
            "cosine: lowers the rate to nearly zero by the last step, which gives cleaner results in short training runs."),
        setting("weight_decay", "Weight decay of AdamW: how strongly the weights are pulled towards zero.", step=0.001),
        setting("clip_norm", "Maximum gradient norm. Larger gradients are scaled down to this norm.", step=0.01),
        setting("average", "Decay of the exponential moving average (EMA) of the weights. The averaged weights "
            "become the result. 0: no averaging; the weights of the last step become the result.",
            step=0.0001, round=False),
        setting("caption_dropout", "Fraction of the clips that are used for training without their captions, so "
            "that classifier-free guidance (CFG) works.", step=0.01),
        setting("timestep_bias", "How strongly training favours low noise levels. 1 draws all noise levels "
            "equally often, as in the paper. Above 1, low noise levels are drawn more often: try 1.5 if frames "
            "stay grainy.", step=0.05),
        setting("weight_limit", "Maximum loss weight. 1 weights all noise levels equally, as in the paper. Above "
            "1, high noise levels get a higher weight, up to this value. At 20, large motion is "
            "learned in fewer steps, because motion is decided at high noise levels.", step=0.5),
        setting("precision", "Precision in which the image model computes. The trained weights are always fp32."),
        setting("gradient_checkpointing", "Uses much less memory, but training takes about a third longer. Does "
            "not affect the result. See also automatic_checkpointing."),
        setting(
            "save_every",
            "Number of steps between saves of the training state, so that little is lost in a power cut. The "
            "training state is also saved at the end and when you interrupt the training."),
    ]  # fmt: skip


def later_inputs() -> list[io.Input]:
    """The inputs that later versions added, last in each node so that the values of saved workflows keep their places."""
    return [
        io.Boolean.Input(
            "other_clips",
            default=False,
            optional=True,
            advanced=True,
            tooltip="Continues an earlier training run although its clips have changed, for example because you added "
            "videos to the folder. Off: the node stops with an error if the clips have changed.",
        ),
        io.Boolean.Input(
            "automatic_checkpointing",
            default=True,
            optional=True,
            advanced=True,
            tooltip="Turns gradient_checkpointing on automatically if a step is estimated to need more than the free "
            "memory, and says so on the node. Does not affect the result.",
        ),
    ]


def loss_plot_output() -> io.Image.Output:
    return io.Image.Output(
        display_name="loss_plot",
        tooltip="Plot of the loss. Top: the loss on fixed clips, relative to the untrained model. Bottom: the loss "
        "of each step.",
    )


def check_name(name: str | None) -> bool | str:
    """For `validate_inputs`: True, or what is wrong with the name of a file."""
    parts = () if name is None else name.replace("\\", "/").split("/")
    if all(part.strip(" .") == part and part and not set(part) & set('<>:"|?*\0') for part in parts):
        return True
    return f'"{name}" is not a usable file name. Use letters, digits, spaces, hyphens and underscores, and / for subfolders.'


def folder_of(key: str) -> str:
    return str(folder_paths.get_folder_paths(key)[0])
