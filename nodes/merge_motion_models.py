from typing import Any

from comfy_api.latest import io

from ..motion.merge import merge_motion_models
from .inputs.sockets import CATEGORY, MotionModelSocket
from .inputs.values import OpenFloat, reads_numbers


class MergeMotionModelsNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaMergeMotionModels",
            display_name="Merge Motion Models",
            category=f"{CATEGORY}/motion models",
            description="Merges two motion models of the same version into one, for example two finetunes of v3. "
            "Save the result with Save Motion Model.",
            search_aliases=["merge animatediff", "mix motion models", "block weight"],
            inputs=[
                MotionModelSocket.Input(
                    "first",
                    tooltip="The first motion model. Blocks with a weight of zero are the same as in this "
                    "motion model.",
                ),
                MotionModelSocket.Input(
                    "second",
                    tooltip="The second motion model. Blocks with a weight of one are the same as in "
                    "this motion model.",
                ),
                *(
                    _weight(name, where)
                    for name, where in (
                        ("down", "blocks, the first half"),
                        ("mid", "block, the middle"),
                        ("up", "blocks, the second half"),
                    )
                ),
            ],
            outputs=[MotionModelSocket.Output(display_name="MOTION_MODEL", tooltip="The merged motion model.")],
        )

    @classmethod
    @reads_numbers
    def execute(cls, first: Any, second: Any, down: float, mid: float, up: float) -> io.NodeOutput:
        return io.NodeOutput(merge_motion_models(first, second, down, mid, up))


def _weight(name: str, where: str) -> OpenFloat:
    return OpenFloat(
        name,
        default=0.5,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip=f"The weight of the second motion model in the {name} {where} of the network. 0: only the first motion "
        "model. 1: only the second.",
    )
