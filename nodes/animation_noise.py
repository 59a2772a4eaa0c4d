from typing import Any

import torch
from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ..motion.host import HostModel
from ..sampling.noise.animation_noise import lay
from ..sampling.noise.noise_layers import Mode, NoiseLayer
from ..sampling.noise.noise_pattern import KINDS, Kind, NoisePattern
from ..sampling.noise.noise_seeds import FrameSeeds, read_seeds
from ..sampling.run.animation import animation_of
from ..sampling.run.attach import changed
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.noise_inputs import NOISE_IDLE, layer_inputs, seed_inputs, start_inputs, window_inputs
from .inputs.sockets import CATEGORY
from .inputs.values import Told, reads_numbers

NO_MODEL = (
    "Animation Noise has a MODEL output only if a model is connected. Connect its model input, or use its noise "
    "output with SamplerCustomAdvanced."
)
START_NEEDS_MODEL = (
    "The authors' start noise (authors_start) acts through the model output of Animation Noise, not through its noise "
    "output. Connect the model output to the sampler; if the sampler is SamplerCustomAdvanced, connect RandomNoise to its "
    "noise input."
)

START_ONLY_NEEDS_MODEL = (
    "start_only is on, but no model is connected, and the noise output of Animation Noise never controls the noise "
    "that samplers add at each step. Connect a model, or turn start_only off."
)


REPLACES_NOISE = "The noise of earlier Animation Noise nodes on the model is replaced, because noise is connected."


class AnimationNoiseNode(io.ComfyNode):
    IDLE = NOISE_IDLE

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaAnimationNoise",
            display_name="Animation Noise",
            category=f"{CATEGORY}/noise",
            description="Controls how the noise of different frames is related. Frames that start from related "
            "noise resemble each other. Use the model output with any sampler, or the noise output with "
            "SamplerCustomAdvanced. Chain several of these nodes to layer noise.",
            search_aliases=[
                "noise layer",
                "freenoise",
                "constant noise",
                "repeated context noise",
                "progressive noise",
                "seed per frame",
                *EVOLVED_NAMES["Animation Noise"],
            ],
            inputs=[
                *_noise_inputs(),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="Connect a model to use the model output. The noise that ancestral and SDE samplers "
                    "add at each step then follows this node too.",
                ),
                io.Noise.Input(
                    "noise",
                    optional=True,
                    tooltip="The noise layer below this one, from another Animation Noise node or from any other "
                    "noise node.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="The area in which this noise covers the layer below. Connect one mask for all frames, "
                    "or a batch with one mask per frame.",
                ),
                *layer_inputs(),
                *window_inputs(),
                *seed_inputs(),
                *start_inputs(),
            ],
            outputs=[
                io.Noise.Output(
                    tooltip="The noise, for SamplerCustomAdvanced. This output does not control the noise that "
                    "samplers add at each step; only the model output does."
                ),
                io.Model.Output(
                    tooltip="The model, set up so that any sampler uses this noise, both as the initial noise and "
                    "as the noise that ancestral samplers add at each step."
                ),
            ],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        noise_type: Kind,
        seed: int,
        correlation: float,
        model: HostModel | None = None,
        noise: Any = None,
        mask: torch.Tensor | None = None,
        mode: Mode = "replace",
        weight: float = 0.5,
        length: int = 16,
        overlap: int = 4,
        seed_per_frame: bool = False,
        frame_seeds: str = "",
        first_frame: int = 0,
        authors_start: bool = False,
        start_only: bool = False,
    ) -> io.NodeOutput | Told:
        seeds = FrameSeeds(seed, seed_per_frame, read_seeds(frame_seeds))
        pattern = NoisePattern(noise_type, correlation, length, overlap)
        layer = NoiseLayer(pattern, seeds, first_frame, mode, weight, mask)
        if authors_start and model is None:
            raise ValueError(START_NEEDS_MODEL)
        if start_only and model is None:
            raise ValueError(START_ONLY_NEEDS_MODEL)
        if model is None:
            return io.NodeOutput(lay(layer, noise), ExecutionBlocker(NO_MODEL))
        before = animation_of(model.model_options).noise
        beneath = before if noise is None else noise
        whole = lay(layer, beneath, authors_start, start_only)
        shown = ExecutionBlocker(START_NEEDS_MODEL) if authors_start else whole
        hidden = [REPLACES_NOISE] if before is not None and before is not beneath else []
        return Told(io.NodeOutput(shown, changed(model, noise=whole)), hidden)


def _noise_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "noise_type",
            options=list(KINDS),
            default="independent",
            tooltip="independent: separate noise for each frame, as usual. constant: the same noise for all "
            "frames, which gives still backgrounds and little motion. repeated: the same noise in every "
            "window (see length). FreeNoise: later windows use the first window's noise, shuffled; for long videos. empty: "
            "no noise.",
        ),
        io.Int.Input(
            "seed",
            default=0,
            min=0,
            max=2**64 - 1,
            control_after_generate=io.ControlAfterGenerate.fixed,
            tooltip="Seed of this noise. If you use the model output, this seed is added to the sampler's seed; at "
            "0, the sampler's seed alone determines the noise.",
        ),
        io.Float.Input(
            "correlation",
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.01,
            tooltip="Correlation between the noise of neighbouring frames: at 0 their noise is independent, at 1 "
            "it is identical. Higher values calm the motion; 0.3 to 0.6 is usual.",
        ),
    ]
