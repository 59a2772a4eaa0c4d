from typing import Any

from comfy_api.latest import io

from ..sampling.noise.noise_schedules import SCHEDULES, Prediction, set_schedule
from .inputs.schedule_inputs import (
    KEEP,
    Keep,
    beta_inputs,
    prediction_input,
    schedule_combo,
    schedule_named,
    zsnr_input,
)
from .inputs.sockets import CATEGORY


class NoiseScheduleNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaNoiseSchedule",
            display_name="Noise Schedule",
            category=CATEGORY,
            description="Gives a model another noise schedule, a named one or one of your own, and says what it predicts. Put "
            "it after Apply Motion Model to override what that chose.",
            search_aliases=["beta schedule", "sigma schedule", "create raw sigma schedule", "sqrt_linear"],
            inputs=[
                io.Model.Input("model", tooltip="The model whose schedule changes."),
                schedule_combo(SCHEDULES),
                *beta_inputs(),
                prediction_input(),
                zsnr_input(),
            ],
            outputs=[io.Model.Output(tooltip="The model with the schedule.")],
        )

    @classmethod
    def execute(
        cls,
        model: Any,
        schedule: str,
        betas: str = "sqrt_linear",
        first_beta: float = 0.0001,
        last_beta: float = 0.02,
        prediction: Prediction | Keep = KEEP,
        zero_snr: str = KEEP,
    ) -> io.NodeOutput:
        changed = model.clone()
        set_schedule(
            changed,
            schedule_named(schedule, betas, first_beta, last_beta),
            None if prediction == KEEP else prediction,
            None if zero_snr == KEEP else zero_snr == "on",
        )
        return io.NodeOutput(changed)
