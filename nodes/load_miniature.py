from dataclasses import dataclass

from comfy_api.latest import io

from ..miniature import models
from .inputs.motion_files import MINIATURE_SETTINGS
from .inputs.options import ExplainedCombo, words_of
from .inputs.sockets import CATEGORY
from .inputs.values import Told, reads_numbers


@dataclass(frozen=True)
class Style:
    words: str  # for the help page
    unet: str  # file of the image model
    lora: str | None = None  # file of a LoRA on it

    @property
    def is_there(self) -> bool:
        return all((models.FOLDER / file).exists() for file in (self.unet, self.lora) if file is not None)


STYLES = {
    "day": Style("The usual model, with which miniature_mm was trained.", models.BASE),
    "neon": Style("The day model after a full finetune to another style: glowing outlines at night.", models.NEON),
    "neon LoRA": Style("The day model with a LoRA that gives it the style of neon.", models.BASE, models.NEON_LORA),
}


class LoadMiniatureNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaLoadMiniature",
            display_name="Load Miniature",
            category=CATEGORY,
            description="Loads a tiny image model that comes with Kinema and draws fish, so that you can try "
            "Kinema without a download. To animate with it, choose miniature_mm in Load Motion Model and use a size of "
            "128 x 128 pixels.",
            search_aliases=["demo", "example", "tiny model", "test model", "no download", "checkpoint", "fish"],
            inputs=[
                ExplainedCombo(
                    "style",
                    words_of({name: style for name, style in STYLES.items() if style.is_there}),
                    default="day",
                    tooltip="Which image model to load. neon: the day model, finetuned to a different look, like "
                    "a DreamBooth checkpoint. neon LoRA: the day model with a LoRA of that look. The motion model "
                    "miniature_mm was trained with the day model.",
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
    @reads_numbers
    def execute(cls, style: str) -> io.NodeOutput | Told:
        loaded = io.NodeOutput(*models.load_miniature(unet=STYLES[style].unet, lora=STYLES[style].lora))
        return Told(loaded, [f"Miniature, SD1.5. Usual settings: {MINIATURE_SETTINGS}."])
