from comfy_api.latest import io

from ..miniature import models
from .inputs.sockets import CATEGORY

STYLES = {"day": models.BASE, "neon": models.NEON}


class LoadMiniatureNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaLoadMiniature",
            display_name="Load Miniature",
            category=CATEGORY,
            description="A tiny image model that comes with Kinema, to try everything with no download: it draws fish. "
            "Animate it with miniature_mm in Load Motion Model, at 128 x 128.",
            search_aliases=["demo", "example", "tiny model", "test model", "no download", "checkpoint", "fish"],
            inputs=[
                io.Combo.Input(
                    "style",
                    options=[style for style, file in STYLES.items() if (models.FOLDER / file).exists()],
                    default="day",
                    tooltip="Which image model. neon is the day model finetuned to another look, as a DreamBooth checkpoint "
                    "is; the motion model never saw it.",
                ),
            ],
            outputs=[
                io.Model.Output(
                    tooltip="The image model, of SD1.5's structure. Use dpmpp_2m, karras, 12 to 20 steps, cfg 2."
                ),
                io.Clip.Output(
                    tooltip="Its text encoder. It knows: a red, yellow, green, blue, purple or white fish swimming left "
                    "or right, coral reef, deep sea, sandy lagoon or kelp forest."
                ),
                io.Vae.Output(tooltip="Its VAE, for pictures of 128 x 128."),
            ],
        )

    @classmethod
    def execute(cls, style: str) -> io.NodeOutput:
        return io.NodeOutput(*models.load_miniature(unet=STYLES[style]))
