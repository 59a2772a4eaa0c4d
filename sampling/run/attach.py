"""Putting what the nodes ask for on the host's MODEL."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...motion.adjust import adjustments
from ...motion.host import HostModel, HostMotion, HostSampling
from ...motion.load import FILE, unshared
from ...motion.picture_parts import PICTURE_ATTACHMENT
from ...motion.positions import PositionRule
from ...motion.spec import AUTOMATIC, MotionSpec
from ..call.host_floor import message
from ..camera.camera import placed_camera
from ..modules.applied import Applied
from ..modules.curved_lora import with_loras
from ..noise.model_sampling import CHECKPOINT, PATCH, ScheduleChoice, add_motion_schedule, choose_schedule
from ..noise.noise_schedules import EVOLVED, chosen_schedule, evolved_schedule
from ..windows.window_reference import WindowReference
from .animation import ANIMATION, Animation, animation_of
from .checks import check_accepts, check_fits, check_no_evolved_windows
from .seams import install


def changed(model: HostModel, **fields: Any) -> HostModel:
    """A clone of `model` (MODEL) with these `fields` of its Animation, in place of what it had there.

    Raises ValueError when the model cannot do it.
    """
    check_accepts(model, fields)
    return _with(model.clone(), replace(animation_of(model.model_options), **fields))


def added(model: HostModel, **entries: Any) -> HostModel:
    """A clone of `model` (MODEL) with one more entry in fields of its Animation that hold several, on top of the others.

    Raises ValueError when the model cannot do it.
    """
    before = animation_of(model.model_options)
    return changed(model, **{name: (*getattr(before, name), entry) for name, entry in entries.items()})


def attach(
    model: HostModel, motion: HostMotion, applied: Applied, schedule: str = AUTOMATIC, preview_plays: bool = True
) -> HostModel:
    """A clone of `model` (MODEL) that animates with `motion` (MOTION_MODEL); neither of the two is changed.

    Motion models that `model` already has stay and act first. `schedule` is one of the CHOICES of noise schedules.
    Raises ValueError when `motion` does not fit the UNet.
    """
    check_fits(motion.model.spec, model, motion.get_attachment(FILE))
    animated = model.clone()
    motions, index = _placed(motion, animated.get_additional_models_with_key(ANIMATION))
    animated.set_additional_models(ANIMATION, motions)
    before = animation_of(model.model_options)
    placed = replace(
        with_loras(animated, motion, applied),
        positions=_adjusted(applied.positions, motion),
        index=index,
        picture=motion.get_attachment(PICTURE_ATTACHMENT),
        camera=placed_camera(animated, motion),
    )
    sampling = before.sampling
    wanted = _wanted_schedule(schedule, motion.model.spec, model.get_model_object(PATCH))
    if wanted is not None:
        sampling = add_motion_schedule(animated, sampling, before.noise_schedule, wanted)
    added_motion = replace(before, motions=(*before.motions, placed), sampling=sampling, preview_plays=preview_plays)
    return _with(animated, added_motion)


def _adjusted(rule: PositionRule, motion: HostMotion) -> PositionRule:
    """`rule` with the adjustments of the position tables of `motion` (MOTION_MODEL)."""
    changes = adjustments(motion)
    if changes and rule.beyond == "extend":
        raise ValueError(
            f'beyond_table is "extend", which continues the formula of the positional encodings, but those of '
            f'"{motion.get_attachment(FILE)}" were adjusted. Set beyond_table to "stretch" or "refuse".'
        )
    return replace(rule, changes=changes)


def _wanted_schedule(name: str, spec: MotionSpec, like: HostSampling) -> ScheduleChoice | None:
    """What the schedule `name` of CHOICES is for a motion model of `spec`; None: the MODEL keeps its own."""
    if name == EVOLVED:
        evolved = evolved_schedule(spec, like)
        return None if evolved is None else ScheduleChoice(evolved, CHECKPOINT)
    chosen = chosen_schedule(name, spec.family, like)
    return None if chosen is None else ScheduleChoice(chosen)


def schedule_noise(model: HostModel, choice: ScheduleChoice) -> HostModel:
    """A clone of `model` (MODEL) with the noise schedule of `choice`."""
    scheduled = model.clone()
    before = animation_of(model.model_options)
    sampling = choose_schedule(scheduled, before.sampling, choice)
    return _with(scheduled, replace(before, noise_schedule=choice, sampling=sampling))


def refer_windows(model: HostModel, reference: WindowReference) -> HostModel:
    """A clone of `model` (MODEL) whose context windows refer to the first; another reference of the same mode goes."""
    others = animation_of(model.model_options).references
    kept = (one for one in others if one.mode != reference.mode)
    return changed(model, references=(*kept, reference))


def _with(model: HostModel, animation: Animation) -> HostModel:
    check_no_evolved_windows(model)
    model.model_options["transformer_options"][ANIMATION] = animation
    install(model, animation)
    return model


def _placed(motion: HostMotion, others: Sequence[HostMotion]) -> tuple[list[HostMotion], int]:
    """`others` with `motion` among them, and its index there. One that is there is not added again: of two with the same
    origin the host would give only one to a second GPU. Raises ValueError where the host cannot have a copy of one."""
    for index, other in enumerate(others):
        if other.patches_uuid == motion.patches_uuid:
            return list(others), index
    if any(other.model is motion.model for other in others) and not hasattr(motion, "cached_patcher_init"):
        how = " to apply a motion model twice with different LoRAs"
        raise ValueError(message("ModelPatcher.cached_patcher_init", how))
    return [*others, unshared(motion, others)], len(others)
