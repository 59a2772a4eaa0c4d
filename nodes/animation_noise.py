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
    "Animation Noise gives a MODEL only when it gets one. Connect its model input, or use its noise output with "
    "SamplerCustomAdvanced."
)


class AnimationNoiseNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaAnimationNoise",
            display_name="Animation Noise",
            category=CATEGORY,
            description="Chooses how the noise of the frames is related: related noise gives related frames. Use the model "
            "output with any sampler, or the noise output with SamplerCustomAdvanced. Several of these nodes in a row lay "
            "noise over noise.",
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
                    "model", optional=True, tooltip="The model, for the model output. Also steps' noise follows then."
                ),
                io.Noise.Input(
                    "noise", optional=True, tooltip="Noise beneath this one: of another Animation Noise, or any other."
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where this noise lies over the one beneath; one mask, or one a frame.",
                ),
                *_layer_inputs(),
                *_window_inputs(),
                *_seed_inputs(),
            ],
            outputs=[
                io.Noise.Output(tooltip="For SamplerCustomAdvanced. Only the model can change the noise of its steps."),
                io.Model.Output(tooltip="The model, which gives this noise to any sampler, also to ancestral steps."),
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
            tooltip="independent: every frame has its own noise, as usual. constant: all frames have the same; still "
            "backgrounds, little motion. repeated: after every window of length frames the noise begins anew. "
            "FreeNoise: later windows have the noise of the first in another order; long videos hold together.",
        ),
        io.Int.Input(
            "seed",
            default=0,
            min=0,
            max=2**64 - 1,
            control_after_generate=io.ControlAfterGenerate.fixed,
            tooltip="Seed of this noise. With the model output it is added to the sampler's seed, so at 0 the "
            "sampler's seed decides.",
        ),
        io.Float.Input(
            "correlation",
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.01,
            tooltip="How alike the noise of a frame is to that of the frame before: 0 not at all, 1 the same. Calms "
            "the motion; 0.3 to 0.6 is usual.",
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
            tooltip="How this noise lies over the one beneath (that of the noise input, else of the model, else plain "
            "noise). replace: instead of it. blend: (1 - weight) of it and weight of this. add: this times weight on top. "
            "The sum is scaled to unit variance.",
        ),
        io.Float.Input(
            "weight",
            default=0.5,
            min=0.0,
            max=1.0,
            step=0.01,
            optional=True,
            advanced=True,
            tooltip="For blend and add: the share of this noise.",
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
            tooltip="For FreeNoise: how many frames your windows share.",
        ),
    ]


def _seed_inputs() -> list[io.Input]:
    return [
        io.Boolean.Input(
            "seed_per_frame",
            default=False,
            optional=True,
            advanced=True,
            tooltip="Frame k has the noise of seed + k, as in a batch of the A1111 webui. Off: one seed for all frames, as in "
            "KSampler.",
        ),
        io.String.Input(
            "frame_seeds",
            default="",
            optional=True,
            advanced=True,
            tooltip='Seeds of single frames instead, e.g. "42, 42, 7". Later frames count on from the last.',
        ),
        io.Int.Input(
            "first_frame",
            default=0,
            min=0,
            max=100000,
            optional=True,
            advanced=True,
            tooltip="The video begins with the noise of this frame: 16 continues a video of 16 frames.",
        ),
    ]
