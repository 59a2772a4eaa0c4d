"""Inputs that the nodes for noise schedules share."""

from collections.abc import Mapping

from comfy_api.latest import io

from ...motion.spec import NoiseSchedule
from ...sampling.noise.noise_schedules import NOISE_SCHEDULES, PREDICTIONS
from .options import ExplainedCombo, words_of
from .without_effect import Idle

CUSTOM = "custom"
AS_IT_IS = "keep"
KEPT = "The model's own setting stays unchanged."
ZERO_SNR = {
    AS_IT_IS: KEPT,
    "on": "The last timestep becomes pure noise, for models that were trained with zero terminal SNR.",
    "off": "The last timestep still contains a little of the picture, as in most models.",
}

UNREAD_BETAS = (
    *(
        Idle(
            name,
            lambda values: values["schedule"] != CUSTOM,
            f' with the schedule "{{schedule}}", only with "{CUSTOM}".',
        )
        for name in ("betas", "first_beta", "last_beta")
    ),
    *(
        Idle(
            name,
            lambda values: values["schedule"] == CUSTOM and values["betas"] == "cosine",
            " with cosine betas.",
        )
        for name in ("first_beta", "last_beta")
    ),
)
"""For nodes with `beta_inputs`."""


def schedule_combo(more: Mapping[str, str] | None = None) -> ExplainedCombo:
    """The named schedules, the options of `more` with their words, and the user's own."""
    return ExplainedCombo(
        "schedule",
        {
            **words_of(NOISE_SCHEDULES),
            **(more or {}),
            CUSTOM: "A schedule of your own. Set it with the advanced inputs betas, first_beta and last_beta.",
        },
        default="AnimateDiff",
        tooltip="The noise schedule, which determines how much noise each training timestep stands for. "
        "AnimateDiff suits most SD1.5 motion models. The help page explains each option.",
    )


def schedule_named(name: str, betas: str, first: float, last: float) -> NoiseSchedule:
    if name == CUSTOM:
        return NoiseSchedule(betas=betas, first=first, last=last)
    return NOISE_SCHEDULES[name].schedule


def beta_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "betas",
            options=["sqrt_linear", "linear", "cosine", "sqrt"],
            default="sqrt_linear",
            optional=True,
            advanced=True,
            tooltip='With the schedule "custom": ComfyUI\'s name for the curve of the betas. sqrt_linear: the betas rise '
            "linearly. linear: their square roots rise linearly. cosine: first_beta and last_beta have no effect. "
            "sqrt: almost all timesteps are nearly pure noise.",
        ),
        _beta("first_beta", 0.0001, "the first beta, which sets how much noise the first timestep adds."),
        _beta("last_beta", 0.02, "the last beta, which sets how much noise the last timestep adds."),
    ]


def prediction_input(more: Mapping[str, str] | None = None) -> ExplainedCombo:
    """What the model predicts; `more` as in `schedule_combo`."""
    return ExplainedCombo(
        "prediction",
        {AS_IT_IS: KEPT, **words_of(PREDICTIONS), **(more or {})},
        default=AS_IT_IS,
        optional=True,
        advanced=True,
        tooltip='What the model predicts. Leave it at "keep" unless the model was trained for another prediction type.',
    )


def zsnr_input() -> ExplainedCombo:
    return ExplainedCombo(
        "zero_snr",
        ZERO_SNR,
        default=AS_IT_IS,
        optional=True,
        advanced=True,
        tooltip="Zero terminal SNR: the last timestep is pure noise. Use it only for models that were trained this "
        "way. keep: the model's own setting stays unchanged.",
    )


def lcm_steps_input() -> io.Int.Input:
    return io.Int.Input(
        "lcm_steps",
        default=0,
        min=0,
        max=1000,
        optional=True,
        advanced=True,
        tooltip="Samples the model as a consistency model distilled on this number of timesteps, e.g. 50 for an LCM LoRA "
        "or 100 for AnimateLCM. 0: whether it is sampled as a consistency model depends on schedule, prediction and the "
        "connected model.",
    )


def _beta(name: str, default: float, tooltip: str) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=default,
        min=1e-6,
        max=0.999,
        step=1e-6,
        round=False,
        optional=True,
        advanced=True,
        tooltip=f'With the schedule "custom": {tooltip}',
    )
