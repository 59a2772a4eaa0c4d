"""Pictures as outputs of nodes, and the inputs that nodes with a drawn picture share."""

import comfy.samplers
import numpy as np
import torch
from comfy_api.latest import io, ui
from PIL import Image

from ...motion.host import HostLatent
from .values import OpenInt
from .without_effect import Idle


def image_of(picture: Image.Image) -> torch.Tensor:
    """An IMAGE of one RGB picture, (1, height, width, 3), 0 to 1."""
    return torch.from_numpy(np.array(picture, dtype=np.float32) / 255)[None]


ON_NODE = 480
"""Width in pixels of the plot on a node, which web/said.js makes wide enough for it, so that its text is legible."""


def plotted(node: type[io.ComfyNode], picture: Image.Image, on_node: Image.Image) -> io.NodeOutput:
    """`picture` as the output of `node`, which shows `on_node` itself."""
    return io.NodeOutput(image_of(picture), ui=ui.PreviewImage(image_of(on_node), cls=node))


def length_inputs(default: int) -> list[io.Input]:
    """How long the run is that a picture shows: `frames`, which a `latent` overrules (see `frame_count`), and `steps`."""
    return [
        OpenInt(
            "frames",
            default=default,
            min=1,
            max=10000,
            tooltip="How many frames the video has. Ignored if a latent is connected.",
        ),
        io.Latent.Input(
            "latent", optional=True, tooltip="If connected, the number of frames is taken from this latent."
        ),
        OpenInt("steps", default=20, min=1, max=1000, optional=True, tooltip="Number of sampler steps."),
    ]


LATENT_COUNTS = Idle(
    "frames",
    lambda values: values["latent"] is not None and frame_count(0, values["latent"]) != values["frames"],
    ": it is {frames}, but the connected latent has a different number of frames, which is used instead.",
    always=True,
)
"""For nodes with `frames` that a `latent` overrules."""


def frame_count(frames: int, latent: HostLatent | None) -> int:
    """The frames of a LATENT, or `frames` where there is none."""
    return frames if latent is None else int(latent["samples"].shape[0])


def scheduler_input(why: str, advanced: bool = False) -> io.Combo.Input:
    return io.Combo.Input(
        "scheduler",
        options=comfy.samplers.KSampler.SCHEDULERS,
        default="normal",
        optional=True,
        advanced=advanced or None,
        tooltip=f"The sampler's scheduler. {why}",
    )


def width_input(default: int, largest: int) -> io.Int.Input:
    return io.Int.Input(
        "width",
        default=default,
        min=320,
        max=largest,
        optional=True,
        advanced=True,
        tooltip="Width of the image in pixels.",
    )
