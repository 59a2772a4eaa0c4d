"""The noise schedule of a MODEL: the checkpoint's, those of its motion models, and the one that Noise Schedule chose."""

from dataclasses import dataclass, replace

import comfy.model_base

from ...motion.host import HostModel, HostSampling
from ...motion.spec import NoiseSchedule
from .noise_schedules import build_sampling, check_noise

PATCH = "model_sampling"
"""The host's name of the object that holds the noise schedule."""

CHECKPOINT = "the checkpoint's"
"""In place of one of PREDICTIONS: what the checkpoint predicts, whatever nodes made of it."""


@dataclass(frozen=True)
class ScheduleChoice:
    """What a node asks for."""

    schedule: NoiseSchedule  # of the training noise levels
    prediction: str | None = None  # one of PREDICTIONS or CHECKPOINT, what the model predicts; None: as before
    zsnr: bool | None = None  # whether the last timestep is noise only; None: as before
    lcm_steps: int = 0  # timesteps that a consistency model was distilled on; 0: as the schedule or prediction says

    def built(self, model: HostModel, before: HostSampling) -> HostSampling:
        """The ModelSampling of `model` (MODEL) in place of the one `before`."""
        if self.prediction != CHECKPOINT:
            return build_sampling(self.schedule, before, self.prediction, self.zsnr, self.lcm_steps)
        zsnr = bool(getattr(before, "zsnr", False)) if self.zsnr is None else self.zsnr
        return build_sampling(self.schedule, _of_checkpoint(model), zsnr=zsnr, lcm_steps=self.lcm_steps)


@dataclass(frozen=True, eq=False)
class OwnSampling:
    """The ModelSampling that Kinema put on a MODEL, and what it is made of."""

    base: HostSampling  # the ModelSampling of the MODEL without Kinema
    made: HostSampling  # the one that is on the MODEL
    motions: tuple[ScheduleChoice, ...] = ()  # those of its motion models, in the order in which they were applied


def add_motion_schedule(
    model: HostModel, own: OwnSampling | None, choice: ScheduleChoice | None, schedule: ScheduleChoice
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


def _of_checkpoint(model: HostModel) -> HostSampling:
    """The ModelSampling that the host gave the checkpoint of `model` (MODEL), whatever nodes put in its place."""
    network = model.model
    sampling: HostSampling = comfy.model_base.model_sampling(network.model_config, network.model_type)
    return sampling


def _put(model: HostModel, own: OwnSampling, choice: ScheduleChoice | None) -> OwnSampling:
    sampling = own.base
    for schedule in own.motions:
        sampling = schedule.built(model, sampling)
    if choice is not None:
        sampling = choice.built(model, sampling)
    model.add_object_patch(PATCH, sampling)
    return replace(own, made=sampling)
