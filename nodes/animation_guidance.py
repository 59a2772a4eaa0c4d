from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.call.moment import Curve
from ..sampling.guidance.animation_guidance import Guidance
from ..sampling.run.attach import changed
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY, number_or_curve
from .inputs.values import Told, reads_numbers
from .inputs.without_effect import Idle, replaced


class AnimationGuidanceNode(io.ComfyNode):
    IDLE = (Idle("rescale", lambda values: values["cfg"] == 1, ", because cfg is 1."),)

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaAnimationGuidance",
            display_name="Animation Guidance",
            category=f"{CATEGORY}/guidance",
            description="Replaces the sampler's cfg with a cfg that can vary over the frames, the steps or the "
            "area of the picture. While this cfg is 1, the pass for the negative prompt is skipped, so a step "
            "takes half the time.",
            search_aliases=[
                "cfg schedule",
                "dynamic cfg",
                "guidance scale",
                "rescale cfg",
                "cfg curve",
                *EVOLVED_NAMES["Animation Guidance"],
            ],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The model, with or without a motion model. This node can go anywhere before the sampler.",
                ),
                number_or_curve(
                    "cfg",
                    "How closely the prompt is followed. This value replaces the sampler's cfg. At 1 the negative "
                    "prompt has no effect.",
                    default=7.5,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                ),
                number_or_curve(
                    "rescale",
                    "How much of the contrast added by a high cfg is removed: at 0 none of it, at 1 all of it. 0.7 "
                    "suits v-prediction models.",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                ),
                number_or_curve(
                    "pag",
                    "Scale of perturbed-attention guidance, which steers away from images without structure and "
                    "adds one pass per step. 0 turns this guidance off; 1 to 3 is usual.",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    optional=True,
                    advanced=True,
                ),
            ],
            outputs=[io.Model.Output(tooltip="The model with this guidance applied.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls, model: HostModel, cfg: float | Curve, rescale: float | Curve = 0.0, pag: float | Curve = 0.0
    ) -> io.NodeOutput | Told:
        return Told(
            io.NodeOutput(changed(model, guidance=Guidance(cfg, rescale, pag))), replaced(model, cls, "guidance")
        )
