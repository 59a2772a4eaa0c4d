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
            description="A tiny image model that comes with Kinema, for trying everything without a download: it "
            "draws fish. Animate it with miniature_mm in Load Motion Model, at 128 x 128.",
            search_aliases=["demo", "example", "tiny model", "test model", "no download", "checkpoint", "fish"],
            inputs=[
                io.Combo.Input(
                    "style",
                    options=[style for style, file in STYLES.items() if (models.FOLDER / file).exists()],
                    default="day",
                    tooltip="Which image model to load. neon is the day model finetuned to another look, like a "
                    "DreamBooth checkpoint; the motion model was not trained on it.",
                ),
            ],
            outputs=[
                io.Model.Output(
                    tooltip="The image model, with the structure of SD1.5. Use dpmpp_2m, karras, 12 to 20 steps, cfg 2."
                ),
                io.Clip.Output(
                    tooltip="Its text encoder. It knows a red, yellow, green, blue, purple or white fish swimming "
                    "left or right in a coral reef, deep sea, sandy lagoon or kelp forest."
                ),
                io.Vae.Output(tooltip="Its VAE, for images of 128 x 128 pixels."),
            ],
        )

    @classmethod
    def execute(cls, style: str) -> io.NodeOutput:
        return io.NodeOutput(*models.load_miniature(unet=STYLES[style]))
