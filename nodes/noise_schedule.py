from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.noise.model_sampling import CHECKPOINT, ScheduleChoice
from ..sampling.run.attach import schedule_noise
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.schedule_inputs import (
    AS_IT_IS,
    UNREAD_BETAS,
    beta_inputs,
    lcm_steps_input,
    prediction_input,
    schedule_combo,
    schedule_named,
    zsnr_input,
)
from .inputs.sockets import CATEGORY
from .inputs.values import Told, reads_numbers
from .inputs.without_effect import replaced


class NoiseScheduleNode(io.ComfyNode):
    IDLE = UNREAD_BETAS

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaNoiseSchedule",
            display_name="Noise Schedule",
            category=f"{CATEGORY}/noise",
            description="Gives a model a different noise schedule, named or custom, and sets what the model "
            "predicts. This schedule takes precedence over the schedule of Apply Motion Model, whether this node "
            "comes before or after that node.",
            search_aliases=["beta schedule", "sigma schedule", "sqrt_linear", *EVOLVED_NAMES["Noise Schedule"]],
            inputs=[
                io.Model.Input("model", tooltip="The model whose noise schedule is changed."),
                schedule_combo(),
                *beta_inputs(),
                prediction_input(
                    {CHECKPOINT: "What the checkpoint itself predicts, regardless of what other nodes set."}
                ),
                zsnr_input(),
                lcm_steps_input(),
            ],
            outputs=[io.Model.Output(tooltip="The model with the new noise schedule.")],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        model: HostModel,
        schedule: str,
        betas: str = "sqrt_linear",
        first_beta: float = 0.0001,
        last_beta: float = 0.02,
        prediction: str = AS_IT_IS,
        zero_snr: str = AS_IT_IS,
        lcm_steps: int = 0,
    ) -> io.NodeOutput | Told:
        choice = ScheduleChoice(
            schedule_named(schedule, betas, first_beta, last_beta),
            None if prediction == AS_IT_IS else prediction,
            None if zero_snr == AS_IT_IS else zero_snr == "on",
            lcm_steps,
        )
        return Told(io.NodeOutput(schedule_noise(model, choice)), replaced(model, cls, "noise_schedule"))
