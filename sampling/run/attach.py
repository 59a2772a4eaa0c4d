"""Attaching a motion model to the host's MODEL: the one function that every node goes through."""

from collections.abc import Sequence
from typing import Any

import torch
from comfy.patcher_extension import WrappersMP

from ...motion.load import FILE, own_weights
from ...motion.lora_branches import LORAS
from ..call.areas import take_areas, with_areas
from ..call.frames import noted_frames
from ..call.progress import progress_of
from ..curves.curve import Moment
from ..modules.applied import KEY, Applied, applied_to
from ..modules.controls import KEPT, Shared, Values, effects_of
from ..modules.curved_lora import with_loras
from ..modules.enhance_motion import KEY as ENHANCE
from ..modules.hooks import Motion, motion_inside
from ..noise.noise_schedules import apply_schedule
from ..windows.motion_windows import KEY as MOTION_WINDOWS
from .checks import check_fits, check_frames
from .context_run import watch_windows
from .preview import play_preview


def attach(model: Any, motion: Any, applied: Applied, schedule: str = "automatic", preview_plays: bool = True) -> Any:
    """A clone of `model` (MODEL) that animates with `motion` (MOTION_MODEL); neither of the two is changed.

    Motion models that `model` already has stay and act first. Raises ValueError when `motion` does not fit the UNet.
    """
    check_fits(motion.model.spec, model, motion.get_attachment(FILE))
    animated = model.clone()
    motions, place = _placed(motion, animated.get_additional_models_with_key(KEY))
    animated.set_additional_models(KEY, motions)
    options = animated.model_options["transformer_options"]
    options[KEY] = (*options.get(KEY, ()), (place, with_loras(animated, motion, applied)))
    watch_windows(animated)
    for kind, wrapper in _WRAPPERS.items():
        animated.remove_wrappers_with_key(kind, KEY)
        animated.add_wrapper_with_key(kind, KEY, wrapper)
    if preview_plays:
        animated.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, KEY, play_preview)
    apply_schedule(animated, schedule, motion.model.spec.family)
    return animated


def _placed(motion: Any, others: Sequence[Any]) -> tuple[list[Any], int]:
    """`others` with `motion` among them, and its place there. One that is there is not added again: of two with the same
    origin the host would give only one to a second GPU."""
    for place, other in enumerate(others):
        if other.patches_uuid == motion.patches_uuid:
            return list(others), place
    return [*others, own_weights(motion, others)], len(others)


def _apply_model(executor: Any, x: Any, t: Any, *args: Any, **kwargs: Any) -> Any:
    """APPLY_MODEL wrapper: runs the UNet with the motion models of the patcher that is being sampled."""
    base = executor.class_obj
    options = args[3] if len(args) > 3 else kwargs["transformer_options"]
    frames = noted_frames(x.shape[0], options)
    motion_windows = options.get(MOTION_WINDOWS)
    windows = motion_windows.of(frames.count, frames.total, x.device) if motion_windows else None
    size, areas = tuple(x.shape[2:]), take_areas(kwargs, frames.count)
    moment = Moment(frames, areas.whole if areas else size, progress_of(t[0], base.model_sampling, options))
    values, shared = Values(moment, x.device, size, areas), Shared(options.get(KEPT, 1.0), options.get(ENHANCE))
    active = [
        Motion(
            motion.model,
            effects_of(motion, how, base.current_patcher.get_additional_models_with_key(LORAS), shared, values),
            motion.model.spec.family.norms_like(how.match),
            how.positions,
            windows,
        )
        for motion, how in applied_to(base.current_patcher, options)
    ]
    with motion_inside(base.diffusion_model, active, frames.count):
        return executor(x, t, *args, **kwargs)


def _calc_cond_batch(executor: Any, model: Any, conds: Any, latents: torch.Tensor, *args: Any) -> Any:
    """CALC_COND_BATCH wrapper: what model calls are told of areas; `watch_windows` tells them of frames."""
    return executor(model, with_areas(conds, latents), latents, *args)


def _outer_sample(executor: Any, noise: Any, *args: Any, **kwargs: Any) -> Any:
    """OUTER_SAMPLE wrapper: the first place where the number of frames is known."""
    guider = executor.class_obj
    for motion, how in applied_to(guider.model_patcher, guider.model_options["transformer_options"]):
        if how.strength != 0:
            check_frames(
                noise.shape[0], motion.model.spec, how.positions, motion.get_attachment(FILE), guider.model_options
            )
    return executor(noise, *args, **kwargs)


_WRAPPERS = {
    WrappersMP.OUTER_SAMPLE: _outer_sample,
    WrappersMP.CALC_COND_BATCH: _calc_cond_batch,
    WrappersMP.APPLY_MODEL: _apply_model,
}
