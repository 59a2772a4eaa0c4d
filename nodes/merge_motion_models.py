from comfy_api.latest import io

from ..motion.host import HostMotion
from ..motion.merge import merge_motion_models
from .inputs.sockets import CATEGORY, MotionModelSocket
from .inputs.values import OpenFloat, Told, reads_numbers

EVEN_WEIGHT = 0.5
"""The weight of both motion models that the node starts with."""
NO_MID = "mid has no effect, because these motion models have no motion module in the mid block."


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
                    tooltip="The first motion model. Blocks with a weight of zero are taken from it unchanged.",
                ),
                MotionModelSocket.Input(
                    "second",
                    tooltip="The second motion model. Blocks with a weight of one are taken from it unchanged.",
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
    def execute(cls, first: HostMotion, second: HostMotion, down: float, mid: float, up: float) -> io.NodeOutput | Told:
        merged = merge_motion_models(first, second, down, mid, up)
        has_mid = merged.model.spec.has_mid or mid == EVEN_WEIGHT
        return Told(io.NodeOutput(merged), [] if has_mid else [NO_MID])


def _weight(name: str, where: str) -> OpenFloat:
    return OpenFloat(
        name,
        default=EVEN_WEIGHT,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip=f"The weight of the second motion model in the {name} {where} of the network. 0: only the first motion "
        "model. 1: only the second.",
    )
