from typing import Any

from comfy_api.latest import io

from ..sampling.run.attach import changed
from .inputs.sockets import CATEGORY


class FirstFrameAttentionNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaFirstFrameAttention",
            display_name="First-Frame Attention",
            category=CATEGORY,
            description="Every frame attends to the first frame of the batch, so that people and things keep their "
            "appearance. Takes no extra time; with a motion model, it stabilises the picture and calms "
            "the motion.",
            search_aliases=["cross-frame attention", "text2video-zero", "consistency", "same character", "flicker"],
            inputs=[
                io.Model.Input("model", tooltip="An SD1.5 or SDXL model, with or without a motion model and LoRAs.")
            ],
            outputs=[
                io.Model.Output(
                    tooltip="The model, whose self-attention takes keys and values from the first frame of the batch "
                    "or, with Context Windows, of each window."
                )
            ],
        )

    @classmethod
    def execute(cls, model: Any) -> io.NodeOutput:
        return io.NodeOutput(changed(model, first_frame=True))
