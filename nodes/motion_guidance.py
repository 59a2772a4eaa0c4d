from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.call.moment import Curve
from ..sampling.guidance.motion_guidance import SKIPS, MotionGuidance
from ..sampling.run.attach import changed
from .inputs.options import ExplainedCombo, words_of
from .inputs.sockets import CATEGORY, SAVES_TIME, CurveSocket, number_or_curve, percent_inputs
from .inputs.values import Told, reads_numbers
from .inputs.without_effect import NEVER_ACTS, Idle, replaced


class MotionGuidanceNode(io.ComfyNode):
    IDLE = (
        NEVER_ACTS,
        Idle("skip", lambda values: values["kept"] is not None, ", because kept is connected."),
        Idle("rescale", lambda values: values["scale"] == 0, ", because scale is 0."),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaMotionGuidance",
            display_name="Motion Guidance",
            category=f"{CATEGORY}/guidance",
            description="Steers sampling away from what the model would predict without its motion modules, which "
            "gives stronger and more coherent motion. Adds one pass per step, so that a step takes about one and a "
            "half times as long.",
            search_aliases=[
                "stg",
                "spatiotemporal skip guidance",
                "skip guidance",
                "perturbed attention guidance",
                "cfg extras pag",
                "pag",
            ],
            inputs=[
                io.Model.Input("model", tooltip="The model. Apply Motion Model can come before or after this node."),
                number_or_curve(
                    "scale",
                    "How strongly the guidance steers. 0 turns the guidance off and takes no extra time; 0.5 to 2 "
                    "is usual.",
                    default=1.0,
                    min=-10.0,
                    max=10.0,
                    step=0.05,
                ),
                ExplainedCombo(
                    "skip",
                    words_of(SKIPS),
                    default="all",
                    tooltip="Which motion modules are switched off in the extra pass: all of them, or only those "
                    "of the down, mid or up blocks, which steers more gently.",
                ),
                *percent_inputs("the guidance", SAVES_TIME),
                number_or_curve(
                    "rescale",
                    "How much of the contrast added by the guidance is removed: at 0 none of it, at 1 all of it. "
                    "The paper uses 0.7.",
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
                    tooltip="How much of the motion is kept in the extra pass; replaces the input skip. With Curve over "
                    "Blocks, you can set individual modules, e.g. to 0.5.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="The model with this guidance applied, in addition to any cfg.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        scale: float | Curve,
        skip: str,
        start_percent: float = 0.0,
        end_percent: float = 1.0,
        rescale: float | Curve = 0.0,
        kept: Curve | None = None,
    ) -> io.NodeOutput | Told:
        less = SKIPS[skip].kept if kept is None else kept
        guidance = MotionGuidance(scale, less, rescale, start_percent, end_percent)
        return Told(io.NodeOutput(changed(model, motion_guidance=guidance)), replaced(model, cls, "motion_guidance"))
