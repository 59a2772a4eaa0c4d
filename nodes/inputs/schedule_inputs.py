"""Inputs that the nodes for noise schedules share."""

from collections.abc import Iterable
from typing import Literal

from comfy_api.latest import io

from ...motion.spec import Schedule
from ...sampling.noise.noise_schedules import EXPLANATION, LCM_STEPS, PREDICTIONS, SCHEDULES

CUSTOM = "custom"
Keep = Literal["keep"]
KEEP: Keep = "keep"


def schedule_combo(names: Iterable[str], explanation: str = "") -> io.Combo.Input:
    return io.Combo.Input(
        "schedule",
        options=[*names, CUSTOM],
        default="AnimateDiff",
        tooltip=f"{explanation}{EXPLANATION} custom: the advanced inputs betas, first_beta and last_beta.",
    )


def schedule_named(name: str, betas: str, first: float, last: float) -> Schedule:
    return Schedule(betas, first, last) if name == CUSTOM else SCHEDULES[name]


def beta_inputs() -> list[io.Input]:
    return [
        io.Combo.Input(
            "betas",
            options=["sqrt_linear", "linear", "cosine", "sqrt"],
            default="sqrt_linear",
            optional=True,
            advanced=True,
            tooltip="custom: ComfyUI's name of the curve. sqrt_linear rises linearly; linear rises linearly in its square "
            "root; cosine ignores first and last; sqrt is almost all noise.",
        ),
        _beta("first_beta", 0.0001, "The first beta: how much noise the first timestep adds."),
        _beta("last_beta", 0.02, "The last beta: how much noise the last timestep adds."),
    ]


def prediction_input() -> io.Combo.Input:
    return io.Combo.Input(
        "prediction",
        options=[KEEP, *PREDICTIONS],
        default=KEEP,
        optional=True,
        advanced=True,
        tooltip=f"What the model predicts. keep: as it is. epsilon: noise. v_prediction: velocity. lcm: noise, as a "
        f"consistency model on {LCM_STEPS} timesteps.",
    )


def zsnr_input() -> io.Combo.Input:
    return io.Combo.Input(
        "zero_snr",
        options=[KEEP, "on", "off"],
        default=KEEP,
        optional=True,
        advanced=True,
        tooltip="Zero terminal SNR: the last timestep is noise only, for models that were trained so. keep: as the model is.",
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
        tooltip=f"custom: {tooltip}",
    )
