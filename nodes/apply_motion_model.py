from typing import Any

from comfy_api.latest import io

from ..sampling.attach import Applied, attach
from .sockets import CATEGORY, MotionModelSocket, percent_inputs, schedule_input, strength_input


class ApplyMotionModel(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaApplyMotionModel",
            display_name="Apply Motion Model",
            category=CATEGORY,
            description="Makes a model animate: the latents of a batch become the frames of a video. "
            "Works beside LoRA, ControlNet and other patches; a second Apply adds a second motion model.",
            search_aliases=["animatediff", "apply animatediff model", "use evolved sampling", "animate", "gif", "video"],
            inputs=[
                io.Model.Input("model", tooltip="An SD1.5 or SDXL model, with or without LoRAs."),
                MotionModelSocket.Input("motion_model", tooltip="The motion model from Load Motion Model."),
                strength_input(),
                schedule_input(),
                *percent_inputs(),
            ],
            outputs=[
                io.Model.Output(
                    tooltip="The model, which now animates. Give the sampler a latent with batch_size frames, e.g. 16."
                )
            ],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        motion_model: Any,
        strength: float,
        noise_schedule: str,
        start_percent: float,
        end_percent: float,
    ) -> io.NodeOutput:
        return io.NodeOutput(attach(model, motion_model, Applied(strength, start_percent, end_percent), noise_schedule))
