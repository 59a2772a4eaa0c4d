from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.latents.text2video_zero import MotionField
from ..sampling.run.attach import changed
from .inputs.sockets import CATEGORY
from .inputs.values import OpenFloat, Told, reads_numbers
from .inputs.without_effect import replaced


class Text2VideoZeroNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaText2VideoZero",
            display_name="Text2Video-Zero",
            category=f"{CATEGORY}/pictures",
            description="Animates without a motion model: the partly denoised latent of the first frame is shifted "
            "a little further for each frame, and all frames attend to the first frame. Gives simple camera pans. "
            "The AnimateDiff paper uses this method as a baseline.",
            search_aliases=["text2video zero", "t2v zero", "zero-shot video", "pan", "camera", "baseline"],
            inputs=[
                io.Model.Input("model", tooltip="Any SD1.5 or SDXL model, with or without LoRAs."),
                _motion_input("motion_x", "to the right", "to the left"),
                _motion_input("motion_y", "down", "up"),
                io.Int.Input(
                    "high_timestep",
                    default=941,
                    min=1,
                    max=998,
                    optional=True,
                    advanced=True,
                    tooltip="Noise is added to the shifted frames up to the level of this training timestep (t1 in "
                    "the paper). The further this value is above low_timestep, the more the frames can change.",
                ),
                io.Int.Input(
                    "low_timestep",
                    default=881,
                    min=0,
                    max=997,
                    optional=True,
                    advanced=True,
                    tooltip="The first frame is shifted once it has been denoised to this training timestep (t0 in "
                    "the paper). Lower values fix the layout of the frame more firmly.",
                ),
            ],
            outputs=[
                io.Model.Output(
                    tooltip="The model with this method applied. Use an empty latent with batch_size set to "
                    "the number of frames, e.g. 8, and set denoise to 1 in the sampler. The authors of the method "
                    "use the ddim sampler, the ddim_uniform scheduler and 50 steps."
                )
            ],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls, model: HostModel, motion_x: float, motion_y: float, high_timestep: int = 941, low_timestep: int = 881
    ) -> io.NodeOutput | Told:
        field = MotionField(motion_x, motion_y, high_timestep, low_timestep)
        return Told(
            io.NodeOutput(changed(model, motion_field=field, first_frame=True)), replaced(model, cls, "motion_field")
        )


def _motion_input(name: str, positive: str, negative: str) -> OpenFloat:
    return OpenFloat(
        name,
        default=12.0,
        min=-512.0,
        max=512.0,
        step=0.5,
        tooltip=f"How far the view moves {positive} per frame, in pixels of a 512-pixel picture. Below 0 it moves {negative}; "
        "at 0 it does not move. The authors use 12.",
    )
