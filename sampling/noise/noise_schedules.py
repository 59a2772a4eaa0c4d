"""Noise schedules: which amount of noise each of the 1000 training timesteps stands for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace

import torch
from comfy.model_sampling import (
    EPS,
    V_PREDICTION,
    ModelSamplingContinuousEDM,
    ModelSamplingDiscrete,
    reshape_sigma,
)

from ...motion.host import HostSampling
from ...motion.spec import (
    AUTOMATIC,
    IMAGE_SCHEDULE,
    LCM_SCHEDULE,
    PAPER_SCHEDULE,
    SDXL_SCHEDULE,
    Family,
    MotionSpec,
    NamedSchedule,
    NoiseSchedule,
)

NOISE_SCHEDULES: dict[str, NamedSchedule] = {
    "AnimateDiff": NamedSchedule(
        schedule=PAPER_SCHEDULE,
        words="The betas rise linearly from 0.00085 to 0.012. This is schedule B of the AnimateDiff paper, which "
        "ComfyUI calls sqrt_linear. Most SD1.5 motion models were trained with it.",
    ),
    "Stable Diffusion": NamedSchedule(
        schedule=IMAGE_SCHEDULE,
        words="The square roots of the betas rise linearly, and the betas rise from 0.00085 to 0.012. This is "
        "schedule A of the AnimateDiff paper, which ComfyUI calls linear. Image models and HotshotXL were trained "
        "with it.",
    ),
    "AnimateDiff SDXL": NamedSchedule(
        schedule=SDXL_SCHEDULE,
        words='Like the "Stable Diffusion" schedule, but the betas rise to 0.020. The SDXL motion model was trained with it.',
    ),
    "AnimateLCM": NamedSchedule(
        schedule=LCM_SCHEDULE,
        words='The betas of the "AnimateDiff" schedule, for the few-step models of AnimateLCM (100 distilled timesteps).',
    ),
    "LCM": NamedSchedule(
        schedule=NoiseSchedule(betas="linear", first=0.00085, last=0.012, lcm_steps=50),
        words='The betas of the "Stable Diffusion" schedule, for an LCM LoRA (50 distilled timesteps).',
    ),
    "DDPM": NamedSchedule(
        schedule=NoiseSchedule(betas="sqrt_linear", first=0.0001, last=0.02),
        words="The betas rise linearly from 0.0001 to 0.02. This schedule is for experiments.",
    ),
    "mean of AnimateDiff and Stable Diffusion": NamedSchedule(
        schedule=replace(PAPER_SCHEDULE, mean_with=IMAGE_SCHEDULE.betas),
        words='The noise level of each timestep is the mean of the noise levels in the "AnimateDiff" and "Stable Diffusion" '
        "schedules. AnimateDiff-Evolved calls it avg(sqrt_linear,linear).",
    ),
    "LCM mean of AnimateDiff and Stable Diffusion": NamedSchedule(
        schedule=replace(PAPER_SCHEDULE, mean_with=IMAGE_SCHEDULE.betas, lcm_steps=50),
        words='Like "mean of AnimateDiff and Stable Diffusion", but for an LCM LoRA (50 distilled timesteps). '
        "AnimateDiff-Evolved calls it lcm avg(sqrt_linear,linear).",
    ),
}

KEEP = "keep the model's"
EVOLVED = "as AnimateDiff-Evolved"

CHOICES: dict[str, str] = {
    AUTOMATIC: "The schedule that the motion model was trained with. A checkpoint with continuous noise levels (EDM), such as "
    "Playground v2.5, keeps its own schedule.",
    KEEP: "The schedule that the connected model already has, usually that of its checkpoint.",
    **{name: row.words for name, row in NOISE_SCHEDULES.items()},
    EVOLVED: "The schedule that AnimateDiff-Evolved's autoselect chooses for the motion model's file: LCM for SD1.5 files "
    "without a position table, AnimateDiff for other SD1.5 files, automatic for SDXL. The checkpoint decides whether the "
    "model predicts noise or velocity.",
}
"""What `chosen_schedule` takes, and what each of them means."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a model predicts."""

    kind: Callable[[], type]  # the host's class that turns it into a denoised picture; asked for only when needed
    words: str  # for the help page
    lcm_steps: int | None = None  # timesteps of a consistency model whose schedule names none; None: no such model


def _lcm() -> type:
    from comfy_extras.nodes_model_advanced import LCM

    return LCM  # type: ignore[no-any-return]


PREDICTIONS: dict[str, Prediction] = {
    "epsilon": Prediction(kind=lambda: EPS, words="The model predicts the noise, as most models do."),
    "v_prediction": Prediction(
        kind=lambda: V_PREDICTION,
        words="The model predicts the velocity, a mixture of noise and picture. Use this option for models that were "
        "trained to predict it.",
    ),
    "lcm": Prediction(
        kind=_lcm,
        words="The model predicts the noise, and is sampled as a consistency model (LCM) with 50 timesteps, unless the "
        "schedule or lcm_steps sets another number.",
        lcm_steps=50,
    ),
}


def chosen_schedule(name: str, family: Family, like: HostSampling) -> NoiseSchedule | None:
    """The schedule `name` of CHOICES for a motion model of `family` on a MODEL with the ModelSampling `like`.

    None: the MODEL keeps its own. Models of continuous noise, such as Playground v2.5 and CosXL, do so by default: they
    know no timesteps 0 to 999, and scale their input by a standard deviation of the data of their own.
    """
    if name == KEEP or (name == AUTOMATIC and isinstance(like, ModelSamplingContinuousEDM)):
        return None
    return family.schedule if name == AUTOMATIC else NOISE_SCHEDULES[name].schedule


def evolved_schedule(spec: MotionSpec, like: HostSampling) -> NoiseSchedule | None:
    """The schedule that AnimateDiff-Evolved chooses for a motion model of `spec`; None as in `chosen_schedule`."""
    if isinstance(like, ModelSamplingContinuousEDM):
        return None
    if spec.family.base == "sd15":
        return PAPER_SCHEDULE if spec.stores_positions else NOISE_SCHEDULES["LCM"].schedule
    return spec.family.schedule


def build_sampling(
    schedule: NoiseSchedule,
    like: HostSampling | None = None,
    prediction: str | None = None,
    zsnr: bool | None = None,
    lcm_steps: int = 0,
) -> HostSampling:
    """A host ModelSampling with the betas of `schedule`; what is not given is as in the ModelSampling `like`, or the
    host's default. With `lcm_steps` it is that of a consistency model that was distilled on so many timesteps."""
    from comfy_extras.nodes_model_advanced import ModelSamplingDiscreteDistilled

    settings = {"beta_schedule": schedule.betas, "linear_start": schedule.first, "linear_end": schedule.last}
    config = SimpleNamespace(sampling_settings=settings)  # all that the host reads of a model's config here
    zsnr = bool(getattr(like, "zsnr", False)) if zsnr is None else zsnr
    kind, steps = _prediction(schedule, like, prediction)
    if lcm_steps:
        kind, steps = _consistent(kind), lcm_steps
    if steps is None:
        sampling = type("KinemaModelSampling", (ModelSamplingDiscrete, kind), {})(config, zsnr=zsnr)
    else:
        distilled = {"original_timesteps": steps}
        sampling = type("KinemaModelSampling", (ModelSamplingDiscreteDistilled, kind), distilled)(config, zsnr=zsnr)
    if schedule.mean_with is not None:
        other = replace(schedule, betas=schedule.mean_with, mean_with=None)
        levels = build_sampling(other, like, prediction, zsnr, lcm_steps).sigmas
        sampling.set_sigmas((sampling.sigmas + levels) / 2)
    return sampling  # type: ignore[no-any-return]


def check_noise(schedule: NoiseSchedule, like: HostSampling | None = None, zsnr: bool | None = None) -> None:
    """Raises ValueError where the betas of `schedule` give noise whose variance no float32 can hold: samplers would give
    NaN, or never end. `like` and `zsnr` as in `build_sampling`."""

    def works(first: float, last: float) -> bool:
        sigmas = build_sampling(replace(schedule, first=first, last=last), like, zsnr=zsnr).sigmas
        return bool(sigmas.square().isfinite().all())

    first, last = schedule.first, schedule.last
    if works(first, last):
        return
    if works(first, LEAST_BETA):
        limit = _largest(lambda beta: works(first, beta), last)
        advice = f"With first_beta {first:g}, the largest last_beta that works is {limit:.6f}"
    elif works(LEAST_BETA, last):
        limit = _largest(lambda beta: works(beta, last), first)
        advice = f"With last_beta {last:g}, the largest first_beta that works is {limit:.6f}"
    else:
        limit = _largest(lambda beta: works(LEAST_BETA, beta), last)
        advice = f"Lower both: with first_beta {LEAST_BETA:.6f}, the largest last_beta that works is {limit:.6f}"
    raise ValueError(
        f'The noise of this schedule grows beyond what float32 numbers can hold: betas is "{schedule.betas}", first_beta '
        f"{first:g} and last_beta {last:g}. {advice}."
    )


def _largest(works: Callable[[float], bool], too_large: float) -> float:
    """The largest beta below `too_large` that works, where the smallest does."""
    low, high = 1, round(too_large / LEAST_BETA)  # in steps of the input
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if works(middle * LEAST_BETA) else (low, middle)
    return low * LEAST_BETA


LEAST_BETA = 1e-6
"""The smallest beta that nodes take, and the smallest difference between two."""


def _prediction(schedule: NoiseSchedule, like: HostSampling | None, prediction: str | None) -> tuple[type, int | None]:
    """The host's class for what the model predicts, and on how many timesteps it was distilled; None: it was not."""
    if prediction is not None:
        row = PREDICTIONS[prediction]
        return row.kind(), row.lcm_steps and (schedule.lcm_steps or row.lcm_steps)
    kind = EPS if like is None else predicted_by(like)
    if schedule.lcm_steps is not None:
        return _consistent(kind), schedule.lcm_steps
    return kind, getattr(like, "original_timesteps", None)


def _consistent(kind: type) -> type:
    """The host's class of a consistency model whose network predicts what `kind` says: noise, velocity or the picture.

    The host's own LCM is for noise. Its boundary scalings (Luo et al., "Latent Consistency Models" (2023), equation 9)
    hold for any prediction of the picture.
    """
    lcm = _lcm()
    if issubclass(kind, lcm):
        return kind
    if kind is EPS:
        return lcm

    class Consistent(lcm):  # type: ignore[misc, valid-type]
        def calculate_denoised(
            self, sigma: torch.Tensor, model_output: torch.Tensor, model_input: torch.Tensor
        ) -> torch.Tensor:
            picture = kind.calculate_denoised(self, sigma, model_output, model_input)  # type: ignore[attr-defined]
            noise = (model_input - picture) / reshape_sigma(sigma, model_input.ndim)
            return super().calculate_denoised(sigma, noise, model_input)  # type: ignore[no-any-return]

    return Consistent


def predicted_by(model_sampling: HostSampling) -> type:
    """The host's class among the bases of `model_sampling` that says what the model predicts, such as EPS."""
    own = type(model_sampling)
    return next((base for base in own.__mro__ if "calculate_denoised" in vars(base)), own)
