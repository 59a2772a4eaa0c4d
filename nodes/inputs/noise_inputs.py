"""Inputs of Animation Noise that are rarely set, and when they do not act."""

from comfy_api.latest import io

from ...sampling.noise.noise_layers import MODES
from .values import OpenInt
from .without_effect import Idle, InputValues


def _is_empty(values: InputValues) -> bool:
    return values["noise_type"] == "empty"  # type: ignore[no-any-return]


NOISE_IDLE = (
    Idle("weight", lambda values: values["mode"] == "replace", ' with the mode "replace".'),
    *(
        Idle(name, _is_empty, ' with the noise type "empty".')
        for name in ("correlation", "seed_per_frame", "frame_seeds", "first_frame")
    ),
    Idle("correlation", lambda values: values["noise_type"] == "constant", ' with the noise type "constant".'),
    Idle(
        "length",
        lambda values: values["noise_type"] not in ("repeated", "FreeNoise"),
        ' with the noise type "{noise_type}".',
    ),
    Idle("overlap", lambda values: values["noise_type"] != "FreeNoise", ' with the noise type "{noise_type}".'),
    Idle("seed_per_frame", lambda values: bool(values["frame_seeds"].strip()), ", because frame_seeds is set."),
)


def start_inputs() -> list[io.Input]:
    return [
        _switch(
            "authors_start",
            "Only for the model output. On: sampling from an empty latent starts with slightly more noise than is usual in "
            "ComfyUI, as in the AnimateDiff authors' DDIM. Use it with the sampler ddim and the scheduler \"authors' DDIM\" "
            "of Sigma Schedule. Off: starts with the usual noise.",
        ),
        _switch(
            "start_only",
            "Only for the model output. On: this node sets only the initial noise; the noise that ancestral and SDE "
            "samplers add at each step stays as it would be without this node. Off: this node sets both.",
        ),
    ]


def layer_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "mode",
            options=list(MODES),
            default="replace",
            optional=True,
            advanced=True,
            tooltip="How this noise is combined with the layer below (the connected noise, otherwise the model's "
            "noise, otherwise plain noise). replace: this noise covers the layer below. blend: (1 - weight) × below + "
            "weight × this. add: below + weight × this. The result is scaled to unit variance.",
        ),
        io.Float.Input(
            "weight",
            default=0.5,
            min=0.0,
            max=1.0,
            step=0.01,
            optional=True,
            advanced=True,
            tooltip="The weight of this noise in blend mode and add mode.",
        ),
    ]


def window_inputs() -> list[io.Input]:
    return [
        OpenInt(
            "length",
            default=16,
            min=1,
            max=1024,
            optional=True,
            advanced=True,
            tooltip='Only for the noise types "repeated" and "FreeNoise": the length of your windows, in frames.',
        ),
        OpenInt(
            "overlap",
            default=4,
            min=0,
            max=1023,
            optional=True,
            advanced=True,
            tooltip='Only for the noise type "FreeNoise": the number of frames that neighbouring windows share.',
        ),
    ]


def seed_inputs() -> list[io.Input]:
    return [
        _switch(
            "seed_per_frame",
            "On: frame k gets the noise of seed + k, as in a batch of the A1111 web UI. Off: one seed "
            "determines the noise of all frames, as in KSampler.",
        ),
        io.String.Input(
            "frame_seeds",
            default="",
            optional=True,
            advanced=True,
            tooltip='One seed per frame, e.g. "42, 42, 7". If there are more frames than seeds, the seed '
            "increases by one with each further frame.",
        ),
        OpenInt(
            "first_frame",
            default=0,
            min=0,
            max=100000,
            optional=True,
            advanced=True,
            tooltip="Which frame's noise the first frame gets: 16 continues the noise of a video of 16 frames.",
        ),
    ]


def _switch(name: str, tooltip: str) -> io.Boolean.Input:
    return io.Boolean.Input(name, default=False, optional=True, advanced=True, tooltip=tooltip)
