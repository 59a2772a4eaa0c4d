from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.call.moment import Curve
from ..sampling.modules.enhance_motion import Enhance
from ..sampling.run.attach import changed
from .inputs.sockets import CATEGORY, number_or_curve, percent_inputs
from .inputs.values import Told, reads_numbers
from .inputs.without_effect import NEVER_ACTS, replaced


class EnhanceMotionNode(io.ComfyNode):
    IDLE = (NEVER_ACTS,)

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaEnhanceMotion",
            display_name="Enhance Motion",
            category=f"{CATEGORY}/guidance",
            description="Strengthens temporal attention where frames already attend to one another "
            "(Enhance-A-Video). Details stay more consistent from frame to frame, at almost no cost.",
            search_aliases=["enhance-a-video", "feta", "temporal attention", "consistency", "coherence"],
            inputs=[
                io.Model.Input("model", tooltip="The model. Apply Motion Model can come before or after this node."),
                number_or_curve(
                    "weight",
                    "Strength of the effect (called temperature in the paper). 0 turns the effect off; 1 to 5 is "
                    "usual; much higher values make it too strong.",
                    default=2.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                ),
                *percent_inputs("the enhancement"),
            ],
            outputs=[io.Model.Output(tooltip="The model with enhanced motion modules.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls, model: HostModel, weight: float | Curve, start_percent: float = 0.0, end_percent: float = 1.0
    ) -> io.NodeOutput | Told:
        return Told(
            io.NodeOutput(changed(model, enhance=Enhance(weight, start_percent, end_percent))),
            replaced(model, cls, "enhance"),
        )
