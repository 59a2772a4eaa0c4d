"""Noise schedules: which amount of noise each of the 1000 training timesteps stands for."""

from typing import Any

import torch
from comfy.model_sampling import ModelSamplingDiscrete

from ..motion.spec import IMAGE_SCHEDULE, PAPER_SCHEDULE, SDXL_SCHEDULE, Family, Schedule

AUTOMATIC = "automatic"
KEEP = "keep the model's"

SCHEDULES: dict[str, Schedule] = {
    "AnimateDiff (linear betas)": PAPER_SCHEDULE,
    "Stable Diffusion (scaled linear betas)": IMAGE_SCHEDULE,
    "AnimateDiff SDXL (scaled linear betas to 0.020)": SDXL_SCHEDULE,
}

CHOICES = [AUTOMATIC, KEEP, *SCHEDULES]


def apply_schedule(model: Any, name: str, family: Family) -> None:
    """Gives `model` (MODEL) the schedule `name` of CHOICES; "automatic" is the one that `family` was trained with.

    The prediction type (noise, v, ...) and zero terminal SNR of the model stay as they are.
    """
    if name == KEEP:
        return
    schedule = family.schedule if name == AUTOMATIC else SCHEDULES[name]
    before = model.get_model_object("model_sampling")
    model.add_object_patch("model_sampling", build_sampling(schedule, before, model.model.model_config))


def build_sampling(schedule: Schedule, like: Any, model_config: Any) -> torch.nn.Module:
    """A host ModelSampling with the betas of `schedule` and the prediction type of the ModelSampling `like`."""
    predicts = next(base for base in type(like).__mro__ if "calculate_denoised" in vars(base))
    sampling = type("KinemaModelSampling", (ModelSamplingDiscrete, predicts), {})(model_config)
    zsnr = bool(getattr(like, "zsnr", False))
    sampling._register_schedule(
        beta_schedule=schedule.betas, timesteps=1000, linear_start=schedule.first, linear_end=schedule.last, zsnr=zsnr
    )
    return sampling  # type: ignore[no-any-return]
