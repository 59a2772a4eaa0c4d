from typing import Any

from comfy_api.latest import io

from ..motion.host import HostModel, HostVAE
from ..sampling.call.moment import Curve
from ..sampling.guidance.motion_from_video import LEVELS, MotionFromVideo, check_reference
from ..sampling.run.attach import changed
from .inputs.sockets import CATEGORY, fraction_input, number_or_curve
from .inputs.values import Told, reads_numbers
from .inputs.without_effect import NEVER_ACTS, Idle, replaced


class MotionFromVideoNode(io.ComfyNode):
    IDLE = (
        NEVER_ACTS,
        Idle("level", lambda values: values["strength"] == 0, ", because strength is 0."),
        Idle("reference_noise", lambda values: values["strength"] == 0, ", because strength is 0."),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaMotionFromVideo",
            display_name="Motion from Video",
            category=f"{CATEGORY}/guidance",
            description="Gives the animation the motion of a reference video, without training (MotionClone). What is seen "
            "comes from the prompt and the seed. Guided steps take about twice as long and need more "
            "memory.",
            search_aliases=["motionclone", "motion transfer", "motion cloning", "reference video", "video to video"],
            inputs=[
                io.Model.Input(
                    "model", tooltip="An SD1.5 model. Apply Motion Model can come before or after this node."
                ),
                io.Image.Input(
                    "images",
                    tooltip="The frames of the reference, e.g. from Load Video. They are spread evenly over the frames of "
                    "the animation, and scaled and cropped to its size.",
                ),
                io.Vae.Input("vae", tooltip="The VAE that encodes the reference. Use the VAE of the SD1.5 checkpoint."),
                number_or_curve(
                    "strength",
                    "How strongly the motion is followed. 0 turns the guidance off and takes no extra time; 0.5 to 3 is "
                    "usual.",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.05,
                ),
                io.Combo.Input(
                    "level",
                    options=list(LEVELS),
                    default="coarse",
                    optional=True,
                    tooltip="How finely motion is compared. coarse (usual at 512 pixels): in squares of 32 pixels; fine: in "
                    "squares of 16 pixels, for smaller pictures or moving things. fine takes longer.",
                ),
                fraction_input(
                    "start_percent",
                    0.0,
                    "When the guidance starts to act, as a fraction of the sampling run (0 = first step).",
                ),
                fraction_input(
                    "end_percent",
                    0.4,
                    "When the guidance stops acting, as a fraction of the sampling run (1 = last step). Motion is decided "
                    "early: 0.3 is enough for camera moves, 0.4 is usual.",
                ),
                fraction_input(
                    "reference_noise",
                    0.4,
                    "How much noise the reference gets before its motion is read, as a fraction of the training timesteps. "
                    "0.4 is usual; with less noise, small details are followed too.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="The model, which follows the motion of the reference.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        images: Any,
        vae: HostVAE,
        strength: float | Curve = 1.0,
        level: str = "coarse",
        start_percent: float = 0.0,
        end_percent: float = 0.4,
        reference_noise: float = 0.4,
    ) -> io.NodeOutput | Told:
        check_reference(images)
        video = MotionFromVideo(images, vae, strength, level, start_percent, end_percent, reference_noise)
        return Told(io.NodeOutput(changed(model, from_video=video)), replaced(model, cls, "from_video"))
