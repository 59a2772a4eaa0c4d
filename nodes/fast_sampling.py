from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.guidance.guidance_reuse import GuidanceReuse
from ..sampling.run.attach import changed
from .inputs.sockets import CATEGORY, fraction_input
from .inputs.values import Told, reads_numbers
from .inputs.without_effect import NEVER_ACTS, Idle, replaced

NO_REUSE = ", because guidance_interval is 1."


class FastSamplingNode(io.ComfyNode):
    IDLE = (
        NEVER_ACTS,
        Idle("start_percent", lambda values: values["guidance_interval"] == 1, NO_REUSE),
        Idle("end_percent", lambda values: values["guidance_interval"] == 1, NO_REUSE),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaFastSampling",
            display_name="Fast Sampling",
            category=f"{CATEGORY}/guidance",
            description="Makes sampling faster: only some steps compute the negative prompt, and the steps in between "
            "reuse the direction of guidance. With guidance_interval 2, a run takes about 75 % of the usual time.",
            search_aliases=[
                "speed",
                "faster",
                "cfg cache",
                "fastercache",
                "skip uncond",
                "cache",
                "deepcache",
                "easycache",
            ],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The model, with or without a motion model. This node can go anywhere before the sampler.",
                ),
                io.Int.Input(
                    "guidance_interval",
                    default=2,
                    min=1,
                    max=10,
                    tooltip="How often the negative prompt is computed: at 2, every second step; at 3, every third. 1 "
                    "turns this node off. Higher values are faster, but the result differs more from that of a full run.",
                ),
                fraction_input(
                    "start_percent",
                    0.0,
                    "The point from which steps may reuse guidance, as a fraction of the sampling run (0 = first step). "
                    "Before this, all steps compute both prompts. A good choice is 0.5, with a guidance_interval of 10.",
                ),
                fraction_input(
                    "end_percent",
                    1.0,
                    "The point up to which steps may reuse guidance, as a fraction of the sampling run (1 = last step). "
                    "After this, all steps compute both prompts.",
                ),
            ],
            outputs=[io.Model.Output(tooltip="The model, set up for faster sampling.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls, model: HostModel, guidance_interval: int, start_percent: float = 0.0, end_percent: float = 1.0
    ) -> io.NodeOutput | Told:
        reuse = GuidanceReuse(guidance_interval, start_percent, end_percent)
        return Told(io.NodeOutput(changed(model, reuse=reuse)), replaced(model, cls, "reuse"))
