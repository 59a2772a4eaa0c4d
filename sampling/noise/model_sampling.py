"""The noise schedule of a MODEL: the checkpoint's, those of its motion models, and the one that Noise Schedule chose."""

from dataclasses import dataclass, replace
from typing import Any

from ...motion.spec import NoiseSchedule
from ..call.host import HostModel
from .noise_schedules import build_sampling, check_noise

PATCH = "model_sampling"
"""The host's name of the object that holds the noise schedule."""


@dataclass(frozen=True)
class ScheduleChoice:
    """What Noise Schedule asks for."""

    schedule: NoiseSchedule
    prediction: str | None = None  # one of PREDICTIONS, what the model predicts; None: as before
    zsnr: bool | None = None  # whether the last timestep is noise only; None: as before


@dataclass(frozen=True, eq=False)
class OwnSampling:
    """The ModelSampling that Kinema put on a MODEL, and what it is made of."""

    base: Any  # the ModelSampling of the MODEL without Kinema
    made: Any  # the one that is on the MODEL
    motions: tuple[
        NoiseSchedule, ...
    ] = ()  # the schedules of its motion models, in the order in which they were applied


def add_motion_schedule(
    model: HostModel, own: OwnSampling | None, choice: ScheduleChoice | None, schedule: NoiseSchedule
) -> OwnSampling | None:
    """Gives `model` (MODEL, changed in place) the `schedule` of one more motion model; `choice` takes precedence.

    Where another node replaced the schedule after `choice` was made, that node takes precedence: nothing is changed.
    """
    current = model.get_model_object(PATCH)
    if own is None or own.made is not current:
        if choice is not None:
            return own
        own = OwnSampling(current, current)
    return _put(model, replace(own, motions=(*own.motions, schedule)), choice)


def choose_schedule(model: HostModel, own: OwnSampling | None, choice: ScheduleChoice) -> OwnSampling:
    """Gives `model` (MODEL, changed in place) the schedule of `choice`. Raises ValueError where its noise is too large."""
    current = model.get_model_object(PATCH)
    check_noise(choice.schedule, current, choice.zsnr)
    if own is None or own.made is not current:
        own = OwnSampling(current, current)
    return _put(model, own, choice)


def _put(model: HostModel, own: OwnSampling, choice: ScheduleChoice | None) -> OwnSampling:
    sampling = own.base
    for schedule in own.motions:
        sampling = build_sampling(schedule, sampling)
    if choice is not None:
        sampling = build_sampling(choice.schedule, sampling, choice.prediction, choice.zsnr)
    model.add_object_patch(PATCH, sampling)
    return replace(own, made=sampling)
