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
            description="Loads a tiny image model that comes with Kinema and draws fish, so that you can try "
            "everything without a download. To animate it, use miniature_mm in Load Motion Model, and a size of "
            "128 x 128 pixels.",
            search_aliases=["demo", "example", "tiny model", "test model", "no download", "checkpoint", "fish"],
            inputs=[
                io.Combo.Input(
                    "style",
                    options=[style for style, file in STYLES.items() if (models.FOLDER / file).exists()],
                    default="day",
                    tooltip="Which image model to load. neon: the day model, finetuned to a different look, like "
                    "a DreamBooth checkpoint; the motion model was not trained on neon.",
                ),
            ],
            outputs=[
                io.Model.Output(
                    tooltip="The image model, which has the architecture of SD1.5. Use the dpmpp_2m "
                    "sampler, the karras scheduler, 12 to 20 steps and cfg 2."
                ),
                io.Clip.Output(
                    tooltip="The text encoder of the image model. It understands prompts about a red, yellow, "
                    "green, blue, purple or white fish swimming left or right in a coral reef, deep sea, sandy "
                    "lagoon or kelp forest."
                ),
                io.Vae.Output(tooltip="The VAE of the image model, for images of 128 x 128 pixels."),
            ],
        )

    @classmethod
    def execute(cls, style: str) -> io.NodeOutput:
        return io.NodeOutput(*models.load_miniature(unet=STYLES[style]))
