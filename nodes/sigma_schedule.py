from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.noise.noise_schedules import build_sampling
from ..sampling.noise.sigmas import SCHEDULERS, run_sigmas
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
from .inputs.values import OpenInt, reads_numbers
from .inputs.without_effect import Idle

MODELS = "the model's"


class SigmaScheduleNode(io.ComfyNode):
    IDLE = (
        *UNREAD_BETAS,
        Idle("prediction", lambda values: values["schedule"] == MODELS, ' with the schedule "{schedule}".'),
        Idle("zero_snr", lambda values: values["schedule"] == MODELS, ' with the schedule "{schedule}".'),
        Idle(
            "model",
            lambda values: values["schedule"] != MODELS and AS_IT_IS not in (values["prediction"], values["zero_snr"]),
            ", because schedule, prediction and zero_snr are set.",
        ),
    )

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaSigmaSchedule",
            display_name="Sigma Schedule",
            category=f"{CATEGORY}/noise",
            description="Computes the noise levels (sigmas) of a run from a named or custom noise schedule, for "
            "SamplerCustom. To change the noise schedule of a model, use Noise Schedule.",
            search_aliases=[
                "create sigma schedule",
                "create raw sigma schedule",
                "beta schedule",
                "sigmas",
                *EVOLVED_NAMES["Sigma Schedule"],
            ],
            inputs=[
                schedule_combo({MODELS: "The schedule of the connected model."}),
                io.Combo.Input(
                    "scheduler",
                    options=list(SCHEDULERS),
                    default="normal",
                    tooltip="How the steps are distributed over the noise levels, as in KSampler. authors' DDIM: exactly the "
                    "timesteps of the AnimateDiff authors, for any number of steps.",
                ),
                OpenInt("steps", default=20, min=1, max=10000, tooltip="Number of sampler steps."),
                io.Float.Input(
                    "denoise",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How much of the run is sampled. 1 is the whole run; lower values keep only the last "
                    "part of it, for latents that already contain an image.",
                ),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip='Required if schedule is "the model\'s". Otherwise, the model is used only if '
                    'prediction or zero_snr is "keep".',
                ),
                *beta_inputs(),
                prediction_input(),
                zsnr_input(),
                lcm_steps_input(),
            ],
            outputs=[
                io.Sigmas.Output(tooltip="The noise levels in decreasing order, one more than the number of steps.")
            ],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls,
        schedule: str,
        scheduler: str,
        steps: int,
        denoise: float = 1.0,
        model: HostModel | None = None,
        betas: str = "sqrt_linear",
        first_beta: float = 0.0001,
        last_beta: float = 0.02,
        prediction: str = AS_IT_IS,
        zero_snr: str = AS_IT_IS,
        lcm_steps: int = 0,
    ) -> io.NodeOutput:
        like = None if model is None else model.get_model_object("model_sampling")
        if schedule == MODELS:
            if like is None:
                raise ValueError(
                    'Sigma Schedule is set to "the model\'s", but no model is connected. Connect one, or choose '
                    "another schedule."
                )
            if lcm_steps:
                raise ValueError(
                    f'lcm_steps is {lcm_steps}, but the schedule is "{MODELS}", which has its own timesteps. Set lcm_steps '
                    "to 0, or choose another schedule."
                )
            return io.NodeOutput(run_sigmas(like, scheduler, steps, denoise))
        sampling = build_sampling(
            schedule_named(schedule, betas, first_beta, last_beta),
            like,
            None if prediction == AS_IT_IS else prediction,
            None if zero_snr == AS_IT_IS else zero_snr == "on",
            lcm_steps,
        )
        return io.NodeOutput(run_sigmas(sampling, scheduler, steps, denoise))
