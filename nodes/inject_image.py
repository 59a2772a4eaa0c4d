from typing import Any

from comfy_api.latest import io

from ..sampling.call.moment import Curve
from ..sampling.latents.canvas import OnCanvas
from ..sampling.latents.inject_image import SPACES, Injection, Space
from ..sampling.run.attach import added
from .inputs.sockets import CATEGORY, number_or_curve

LATENT_PIXEL = 8
"""Pixels of a picture to one of its latent, for SD1.5 and SDXL."""


class InjectImageNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaInjectImage",
            display_name="Inject Image",
            category=CATEGORY,
            description="Puts a picture into the video in the middle of its sampling; what follows makes it a part of the "
            "animation. Early it gives a layout, late it stays as it is. Several in a row act each at its time.",
            search_aliases=[
                "image injection",
                "image injection options",
                "noised image injection",
                "image inject",
                "composite",
                "first frame",
            ],
            inputs=[
                io.Model.Input("model", tooltip="The model, before or after Apply Motion Model."),
                io.Float.Input(
                    "percent",
                    default=0.3,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="When in the run: 0 after its first step, 0.3 while the layout is decided, 0.7 when it is.",
                ),
                number_or_curve(
                    "strength",
                    "1: the picture takes the place of what is there; 0.5: half of each; 0: nothing happens.",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                ),
                *_source_inputs(),
                io.Int.Input(
                    "first_frame",
                    default=0,
                    min=0,
                    max=100000,
                    optional=True,
                    tooltip="The first frame that gets a picture. One picture goes into all frames from here on, several "
                    "go into one frame each.",
                ),
                *_place_inputs(),
            ],
            outputs=[io.Model.Output(tooltip="The model, which any sampler injects the picture into.")],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        percent: float,
        strength: float | Curve,
        image: Any = None,
        vae: Any = None,
        latent: Any = None,
        mask: Any = None,
        first_frame: int = 0,
        fit: bool = True,
        x: int = 0,
        y: int = 0,
        space: Space = "latent",
    ) -> io.NodeOutput:
        check_source(image, vae, latent, space)
        if image is not None:
            placed = OnCanvas(image.movedim(-1, 1), mask, fit, x, y)
        else:
            placed = OnCanvas(latent["samples"], mask, fit, x // LATENT_PIXEL, y // LATENT_PIXEL)
        injection = Injection(placed, None if image is None else vae, percent, strength, first_frame, space)
        return io.NodeOutput(added(model, injections=injection))


def check_source(image: Any, vae: Any, latent: Any, space: Space) -> None:
    """Raises ValueError unless there is one thing to inject, and what that needs."""
    if (image is None) == (latent is None):
        count = "both are" if image is not None else "neither is"
        raise ValueError(f"Inject Image takes an image or a latent, and {count} connected. Connect one of them.")
    if image is not None and vae is None:
        raise ValueError("Inject Image got an image but no VAE to encode it. Connect vae, or connect a latent instead.")
    if latent is not None and space == "pixel":
        raise ValueError(
            "Inject Image got a latent, but space is pixel, which joins pictures. Connect image and vae, or set space to "
            "latent."
        )


def _source_inputs() -> list[io.Input]:
    return [
        io.Image.Input("image", optional=True, tooltip="The picture, or one for each frame. Needs vae."),
        io.Vae.Input("vae", optional=True, tooltip="The VAE that encodes the picture."),
        io.Latent.Input("latent", optional=True, tooltip="A latent instead of image and vae."),
        io.Mask.Input("mask", optional=True, tooltip="Which part of the picture goes in: one mask, or one a frame."),
    ]


def _place_inputs() -> list[io.Input]:
    return [
        io.Boolean.Input(
            "fit",
            default=True,
            optional=True,
            tooltip="Scales the picture over the whole video and cuts what stands out. Off: it keeps its size and "
            "lies at x, y.",
        ),
        _offset("x", "right"),
        _offset("y", "down"),
        io.Combo.Input(
            "space",
            options=list(SPACES),
            default="latent",
            optional=True,
            advanced=True,
            tooltip="Where the picture is joined with the video. latent: fast. pixel: sharper edges of masks and "
            "offsets; decodes and encodes the video once in the middle of the run.",
        ),
    ]


def _offset(name: str, where: str) -> io.Int.Input:
    return io.Int.Input(
        name,
        default=0,
        min=-16384,
        max=16384,
        step=8,
        optional=True,
        advanced=True,
        tooltip=f"With fit off: how many pixels further {where} the picture lies.",
    )
