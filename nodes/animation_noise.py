from typing import Any

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ..sampling.noise.animation_noise import lay
from ..sampling.noise.noise_layers import MODES, Mode, NoiseLayer
from ..sampling.noise.noise_pattern import KINDS, Kind, NoisePattern
from ..sampling.noise.noise_seeds import FrameSeeds, read_seeds
from ..sampling.run.animation import animation_of
from ..sampling.run.attach import changed
from .inputs.sockets import CATEGORY

NO_MODEL = (
    "Animation Noise has a MODEL output only if a model is connected. Connect its model input, or use its noise "
    "output with SamplerCustomAdvanced."
)


class AnimationNoiseNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaAnimationNoise",
            display_name="Animation Noise",
            category=CATEGORY,
            description="Controls how the noise of different frames is related: related noise gives related frames. "
            "Use the model output with any sampler, or the noise output with SamplerCustomAdvanced. "
            "Chain several of these nodes to layer noise.",
            search_aliases=[
                "sample settings",
                "noise layer",
                "noise layer replace",
                "noise layer add",
                "noise layer add weighted",
                "noise layer normalized sum",
                "ancestral options",
                "freenoise",
                "constant noise",
                "repeated context noise",
                "progressive noise",
                "seed per frame",
            ],
            inputs=[
                *_noise_inputs(),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="Connect a model to get the model output. Noise that the sampler "
                    "adds at each step (ancestral, SDE) then follows this node too.",
                ),
                io.Noise.Input(
                    "noise",
                    optional=True,
                    tooltip="The noise layer below this one: another Animation Noise, or any other noise.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where this noise covers the layer below. One mask, or one per frame.",
                ),
                *_layer_inputs(),
                *_window_inputs(),
                *_seed_inputs(),
            ],
            outputs=[
                io.Noise.Output(
                    tooltip="For SamplerCustomAdvanced. Does not control the noise that samplers add at "
                    "each step; only the model output does."
                ),
                io.Model.Output(
                    tooltip="The model, which gives this noise to any sampler, including the noise that "
                    "ancestral samplers add at each step."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        noise_type: Kind,
        seed: int,
        correlation: float,
        model: Any = None,
        noise: Any = None,
        mask: Any = None,
        mode: Mode = "replace",
        weight: float = 0.5,
        length: int = 16,
        overlap: int = 4,
        seed_per_frame: bool = False,
        frame_seeds: str = "",
        first_frame: int = 0,
    ) -> io.NodeOutput:
        seeds = FrameSeeds(seed, seed_per_frame, read_seeds(frame_seeds))
        pattern = NoisePattern(noise_type, correlation, length, overlap)
        layer = NoiseLayer(pattern, seeds, first_frame, mode, weight, mask)
        if model is None:
            return io.NodeOutput(lay(layer, noise), ExecutionBlocker(NO_MODEL))
        whole = lay(layer, animation_of(model.model_options).noise if noise is None else noise)
        return io.NodeOutput(whole, changed(model, noise=whole))


def _noise_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "noise_type",
            options=list(KINDS),
            default="independent",
            tooltip="independent: separate noise for each frame, as usual. constant: the same noise for all frames; "
            "still backgrounds, little motion. repeated: the noise repeats after every window of length "
            "frames. FreeNoise: later windows shuffle the noise of the first; keeps long videos consistent.",
        ),
        io.Int.Input(
            "seed",
            default=0,
            min=0,
            max=2**64 - 1,
            control_after_generate=io.ControlAfterGenerate.fixed,
            tooltip="Seed of this noise. With the model output, it is added to the sampler's seed, so 0 leaves the "
            "sampler's seed in control.",
        ),
        io.Float.Input(
            "correlation",
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.01,
            tooltip="Correlation between the noise of neighbouring frames: 0 none, 1 identical. Calms the motion; "
            "0.3 to 0.6 is usual.",
        ),
    ]


def _layer_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "mode",
            options=list(MODES),
            default="replace",
            optional=True,
            advanced=True,
            tooltip="How this noise combines with the layer below (the noise input, else the model's noise, else "
            "plain noise). replace: covers it. blend: (1 - weight) × below + weight × this. add: below + "
            "weight × this. The result is scaled to unit variance.",
        ),
        io.Float.Input(
            "weight",
            default=0.5,
            min=0.0,
            max=1.0,
            step=0.01,
            optional=True,
            advanced=True,
            tooltip="For blend and add: the weight of this noise.",
        ),
    ]


def _window_inputs() -> list[io.Input]:
    return [
        io.Int.Input(
            "length",
            default=16,
            min=1,
            max=1024,
            optional=True,
            advanced=True,
            tooltip="For repeated and FreeNoise: the length of your windows in frames.",
        ),
        io.Int.Input(
            "overlap",
            default=4,
            min=0,
            max=1023,
            optional=True,
            advanced=True,
            tooltip="For FreeNoise: how many frames neighbouring windows share.",
        ),
    ]


def _seed_inputs() -> list[io.Input]:
    return [
        io.Boolean.Input(
            "seed_per_frame",
            default=False,
            optional=True,
            advanced=True,
            tooltip="Frame k gets the noise of seed + k, as in a batch of the A1111 web UI. Off: one seed for all "
            "frames, as in KSampler.",
        ),
        io.String.Input(
            "frame_seeds",
            default="",
            optional=True,
            advanced=True,
            tooltip='One seed per frame, e.g. "42, 42, 7". Further frames continue counting from the last seed.',
        ),
        io.Int.Input(
            "first_frame",
            default=0,
            min=0,
            max=100000,
            optional=True,
            advanced=True,
            tooltip="Start with the noise of this frame: 16 continues a video of 16 frames.",
        ),
    ]
