from typing import Any

from comfy_api.latest import io

from ..sampling.call.moment import Curve
from ..sampling.guidance.motion_guidance import SKIPS, MotionGuidance
from ..sampling.run.attach import changed
from .inputs.sockets import CATEGORY, CurveSocket, number_or_curve, percent_inputs


class MotionGuidanceNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaMotionGuidance",
            display_name="Motion Guidance",
            category=CATEGORY,
            description="Steers away from what the model would predict without its motion modules, for stronger, "
            "more coherent motion. Adds one pass per step, so a step takes about half as long again.",
            search_aliases=[
                "stg",
                "spatiotemporal skip guidance",
                "skip guidance",
                "perturbed attention guidance",
                "cfg extras pag",
                "pag",
            ],
            inputs=[
                io.Model.Input("model", tooltip="The model; Apply Motion Model may come before or after this node."),
                number_or_curve(
                    "scale",
                    "How strongly it steers. 0 is off and costs nothing, 0.5 to 2 is usual.",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.05,
                ),
                io.Combo.Input(
                    "skip",
                    options=list(SKIPS),
                    default="all",
                    tooltip="Which blocks' motion modules are switched off in the extra pass: all of them, or only "
                    "the down, mid or up blocks, which steers more gently.",
                ),
                *percent_inputs("it"),
                number_or_curve(
                    "rescale",
                    "How much of the contrast that it adds is removed: 0 none, 1 all. The paper uses 0.7.",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    advanced=True,
                ),
                CurveSocket.Input(
                    "kept",
                    optional=True,
                    advanced=True,
                    tooltip="Replaces skip: how much of the motion is kept in the extra pass, e.g. 0.5 for "
                    "individual modules with Curve over Blocks.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="The model, sampled with this guidance in addition to any cfg.")],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        scale: float | Curve,
        skip: str,
        start_percent: float = 0.0,
        end_percent: float = 1.0,
        rescale: float | Curve = 0.0,
        kept: Curve | None = None,
    ) -> io.NodeOutput:
        less = SKIPS[skip] if kept is None else kept
        guidance = MotionGuidance(scale, less, rescale, start_percent, end_percent)
        return io.NodeOutput(changed(model, motion_guidance=guidance))
