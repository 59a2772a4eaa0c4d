"""Noise schedules: which amount of noise each of the 1000 training timesteps stands for."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Literal, get_args

from comfy.model_sampling import EPS, V_PREDICTION, ModelSamplingDiscrete

from ...motion.spec import IMAGE_SCHEDULE, LCM_SCHEDULE, PAPER_SCHEDULE, SDXL_SCHEDULE, Family, NoiseSchedule

AUTOMATIC = "automatic"
KEEP = "keep the model's"

SCHEDULES: dict[str, NoiseSchedule] = {
    "AnimateDiff": PAPER_SCHEDULE,
    "Stable Diffusion": IMAGE_SCHEDULE,
    "AnimateDiff SDXL": SDXL_SCHEDULE,
    "AnimateLCM": LCM_SCHEDULE,
    "LCM": NoiseSchedule(betas="linear", first=0.00085, last=0.012, lcm_steps=50),
    "DDPM": NoiseSchedule(betas="sqrt_linear", first=0.0001, last=0.02),
}

CHOICES = [AUTOMATIC, KEEP, *SCHEDULES]

Prediction = Literal["epsilon", "v_prediction", "lcm"]
PREDICTIONS: tuple[Prediction, ...] = get_args(Prediction)

LCM_STEPS = 50
"""Timesteps that the first consistency models were distilled on."""

AUTOMATIC_EXPLANATION = (
    "automatic: what the motion model was trained with. keep the model's: leave the checkpoint's own."
)
EXPLANATION = (
    "AnimateDiff: betas rise linearly from 0.00085 to 0.012 (the paper's choice B; ComfyUI calls it sqrt_linear). "
    "Stable Diffusion: the square roots of betas rise linearly (A; ComfyUI calls it linear); HotshotXL uses it. "
    "AnimateDiff SDXL: like Stable Diffusion, up to 0.020. AnimateLCM: AnimateDiff's for few-step consistency models. "
    "LCM: Stable Diffusion's for an LCM LoRA. DDPM: linear from 0.0001 to 0.02, for experiments."
)


def apply_schedule(model: Any, name: str, family: Family) -> None:
    """Gives `model` (MODEL) the schedule `name` of CHOICES; "automatic" is the one that `family` was trained with."""
    if name != KEEP:
        set_schedule(model, family.schedule if name == AUTOMATIC else SCHEDULES[name])


def set_schedule(
    model: Any, schedule: NoiseSchedule, prediction: Prediction | None = None, zsnr: bool | None = None
) -> None:
    """Gives `model` (MODEL) the `schedule`. What the model predicts (noise, v, ...) and whether its terminal SNR is zero
    stay, unless `prediction` and `zsnr` say otherwise."""
    sampling = build_sampling(schedule, model.get_model_object("model_sampling"), prediction, zsnr)
    model.add_object_patch("model_sampling", sampling)


def build_sampling(
    schedule: NoiseSchedule, like: Any = None, prediction: Prediction | None = None, zsnr: bool | None = None
) -> Any:
    """A host ModelSampling with the betas of `schedule`; what is not given is as in the ModelSampling `like`, or the
    host's default."""
    from comfy_extras.nodes_model_advanced import LCM, ModelSamplingDiscreteDistilled

    if prediction is not None:
        schedule = replace(schedule, lcm_steps=(schedule.lcm_steps or LCM_STEPS) if prediction == "lcm" else None)
    settings = {"beta_schedule": schedule.betas, "linear_start": schedule.first, "linear_end": schedule.last}
    config = SimpleNamespace(sampling_settings=settings)  # all that the host reads of a model's config here
    zsnr = bool(getattr(like, "zsnr", False)) if zsnr is None else zsnr
    if schedule.lcm_steps is not None:
        bases, own = (ModelSamplingDiscreteDistilled, LCM), {"original_timesteps": schedule.lcm_steps}
    elif prediction is not None or like is None:
        bases, own = (ModelSamplingDiscrete, V_PREDICTION if prediction == "v_prediction" else EPS), {}
    else:
        predicts = next(base for base in type(like).__mro__ if "calculate_denoised" in vars(base))
        distilled = isinstance(like, ModelSamplingDiscreteDistilled)
        bases = (ModelSamplingDiscreteDistilled if distilled else ModelSamplingDiscrete, predicts)
        own = {"original_timesteps": like.original_timesteps} if distilled else {}
    return type("KinemaModelSampling", bases, own)(config, zsnr=zsnr)
