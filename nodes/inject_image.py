import torch
from comfy_api.latest import io

from ..motion.host import HostLatent, HostModel, HostVAE
from ..sampling.call.moment import Curve
from ..sampling.latents.inject_image import SPACES, Injection, Space
from ..sampling.latents.on_canvas import OnCanvas
from ..sampling.pictures.encoding import in_colour
from ..sampling.run.attach import added
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, number_or_curve
from .inputs.values import OpenFloat, OpenInt, reads_numbers
from .inputs.without_effect import Idle

LATENT_PIXEL = 8
"""Pixels of a picture to one of its latent, for SD1.5 and SDXL."""


class InjectImageNode(io.ComfyNode):
    IDLE = (
        Idle("vae", lambda values: values["latent"] is not None, ", because a latent is connected."),
        Idle("x", lambda values: values["fit"], ", because fit is on."),
        Idle("y", lambda values: values["fit"], ", because fit is on."),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaInjectImage",
            display_name="Inject Image",
            category=f"{CATEGORY}/pictures",
            description="Puts a picture into the video partway through sampling; the remaining steps make the "
            "picture part of the animation. If injected early, the picture determines the layout; if injected "
            "late, it stays nearly unchanged. Chain several of these nodes to inject pictures at different times.",
            search_aliases=[
                "noised image injection",
                "image inject",
                "composite",
                "first frame",
                *EVOLVED_NAMES["Inject Image"],
            ],
            inputs=[
                io.Model.Input("model", tooltip="The model, before or after Apply Motion Model."),
                OpenFloat(
                    "percent",
                    default=0.3,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="When to inject the picture, as a fraction of the sampling run: 0 = after the first "
                    "step, 0.3 = while the layout is still forming, 0.7 = once it has settled.",
                ),
                number_or_curve(
                    "strength",
                    "How much of the picture is injected: at 1 the picture replaces the content of the video, at "
                    "0.5 the two are mixed equally, at 0 nothing is injected.",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                ),
                *_source_inputs(),
                OpenInt(
                    "first_frame",
                    default=0,
                    min=0,
                    max=100000,
                    optional=True,
                    tooltip="The first frame that receives the picture. A single picture goes into this frame and "
                    "all later frames. If there are several pictures, each goes into one frame, in order.",
                ),
                *_place_inputs(),
            ],
            outputs=[io.Model.Output(tooltip="The model, set up so that any sampler injects the picture.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        percent: float,
        strength: float | Curve,
        image: torch.Tensor | None = None,
        vae: HostVAE | None = None,
        latent: HostLatent | None = None,
        mask: torch.Tensor | None = None,
        first_frame: int = 0,
        fit: bool = True,
        x: int = 0,
        y: int = 0,
        space: Space = "latent",
    ) -> io.NodeOutput:
        check_source(image, vae, latent, space)
        if latent is not None:
            placed = OnCanvas(latent["samples"], mask, fit, x // LATENT_PIXEL, y // LATENT_PIXEL)
        else:
            assert image is not None  # as check_source found
            placed = OnCanvas(in_colour(image.movedim(-1, 1)), mask, fit, x, y)
        injection = Injection(placed, None if image is None else vae, percent, strength, first_frame, space)
        return io.NodeOutput(added(model, injections=injection))


def check_source(image: torch.Tensor | None, vae: HostVAE | None, latent: HostLatent | None, space: Space) -> None:
    """Raises ValueError unless there is one thing to inject, and what that needs."""
    if (image is None) == (latent is None):
        count = "both are" if image is not None else "neither is"
        raise ValueError(f"Inject Image takes either an image or a latent, but {count} connected. Connect one of them.")
    if image is not None and not len(image):
        raise ValueError("Inject Image got 0 pictures, but needs 1 or more. Connect a picture to image.")
    if image is not None and vae is None:
        raise ValueError("Inject Image got an image but no VAE to encode it. Connect vae, or connect a latent instead.")
    if latent is not None and space == "pixel":
        raise ValueError(
            "Inject Image got a latent, but space is set to pixel, which needs an image. Connect image and vae, or "
            "set space to latent."
        )


def _source_inputs() -> list[io.Input]:
    return [
        io.Image.Input(
            "image", optional=True, tooltip="One picture, or a batch with one picture per frame. Requires vae."
        ),
        io.Vae.Input("vae", optional=True, tooltip="The VAE that encodes the picture."),
        io.Latent.Input("latent", optional=True, tooltip="A latent to inject, instead of image and vae."),
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip="The area of the picture that is injected. Connect one mask for all "
            "frames, or a batch with one mask per frame.",
        ),
    ]


def _place_inputs() -> list[io.Input]:
    return [
        io.Boolean.Input(
            "fit",
            default=True,
            optional=True,
            tooltip="On: the picture is scaled to cover the whole video frame, and what does not fit is cropped. "
            "Off: the picture keeps its size and is placed at x, y.",
        ),
        _offset("x", "to the right"),
        _offset("y", "down"),
        io.Combo.Input(
            "space",
            options=list(SPACES),
            default="latent",
            optional=True,
            advanced=True,
            tooltip="Where the picture is combined with the video. latent: in latent space, which is fast. pixel: "
            "in pixel space, which gives sharper edges with masks and offsets, but decodes the video once and "
            "encodes it twice during the run.",
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
        tooltip=f"If fit is off: how many pixels the picture is moved {where}.",
    )
