from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.run.attach import changed
from .inputs.sockets import CATEGORY


class FirstFrameAttentionNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaFirstFrameAttention",
            display_name="First-Frame Attention",
            category=f"{CATEGORY}/guidance",
            description="Makes every frame attend to the first frame of the batch, so that people and things keep "
            "their appearance. Takes no extra time. With a motion model, this node stabilises the picture and "
            "calms the motion.",
            search_aliases=["cross-frame attention", "text2video-zero", "consistency", "same character", "flicker"],
            inputs=[
                io.Model.Input("model", tooltip="An SD1.5 or SDXL model, with or without a motion model and LoRAs.")
            ],
            outputs=[
                io.Model.Output(
                    tooltip="The model. Its self-attention takes keys and values from the first frame of the batch "
                    "or, with Context Windows, from the first frame of each window."
                )
            ],
        )

    @classmethod
    def execute(cls, model: HostModel) -> io.NodeOutput:
        return io.NodeOutput(changed(model, first_frame=True))
