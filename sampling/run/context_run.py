"""Windows from a MODEL to a run: what the nodes said becomes the handler and the noise of the run that begins."""

from typing import Any

import torch
from comfy.patcher_extension import WrappersMP

from ..call.frames import note_frames
from ..modules.applied import applied_to
from ..noise.freenoise import reschedule
from ..windows.context_handler import ContextHandler, ContextWindows, automatic_windows
from ..windows.motion_windows import KEY as MOTION_WINDOWS
from ..windows.motion_windows import MotionWindows

KEY = "kinema_windows"
"""Names what windows leave on a MODEL: their wrappers, and the tuple of ContextWindows in transformer_options."""

HANDLER = "context_handler"
"""Where the host looks for context windows in model_options."""


def add_windows(model: Any, windows: ContextWindows) -> Any:
    """A clone of `model` (MODEL) whose long videos are computed in `windows`, in that part of the run. Where earlier
    ones share the part, these hold. Raises ValueError when `model` makes videos itself or has another pack's windows."""
    if model.model.latent_format.latent_dimensions != 2:
        raise ValueError(
            "Kinema's Context Windows are for image models, whose frames are the pictures of a batch, but the connected "
            f"MODEL ({type(model.model).__name__}) makes videos itself. Use ComfyUI's own Context Windows (Manual)."
        )
    _check_one_kind(model.model_options)
    model = model.clone()
    options = model.model_options["transformer_options"]
    options[KEY] = (*options.get(KEY, ()), windows)
    watch_windows(model)
    return model


def _check_one_kind(model_options: Any) -> None:
    """Raises ValueError when there are context windows of another pack."""
    handler = model_options.get(HANDLER)
    if handler is not None and not isinstance(handler, ContextHandler):
        raise ValueError(
            f"The MODEL already has context windows of another node ({type(handler).__name__}), and a run can have one "
            "kind only. Remove that node, or Kinema's Context Windows."
        )


def add_motion_windows(model: Any, windows: MotionWindows) -> Any:
    """A clone of `model` (MODEL) whose motion modules see long videos in `windows`."""
    model = model.clone()
    model.model_options["transformer_options"][MOTION_WINDOWS] = windows
    watch_windows(model)
    return model


def watch_windows(model: Any) -> None:
    """Has runs of `model` (MODEL, changed in place) begin with their context windows and note the frames of each call."""
    for kind, wrapper in _WRAPPERS.items():
        if not model.get_wrappers(kind, KEY):  # the first stays outermost
            model.add_wrapper_with_key(kind, KEY, wrapper)


def handler_for(patcher: Any, model_options: Any, frames: int) -> Any:
    """The context handler for a run of `frames`: the one that is there, one made of the windows on the MODEL, windows
    of the motion models' native length where neither these nor motion windows are, or None when none are needed.

    Raises ValueError when the MODEL has windows and another pack's handler.
    """
    options = model_options["transformer_options"]
    plan = list(options.get(KEY, ()))
    if plan:
        _check_one_kind(model_options)
    if model_options.get(HANDLER) is not None:
        return model_options[HANDLER]
    native = [m.model.spec.native_frames for m, how in applied_to(patcher, options) if how.strength != 0]
    if native and frames > min(native) and MOTION_WINDOWS not in options:
        plan.insert(0, automatic_windows(min(native)))
    return ContextHandler(plan) if plan else None


def _outer_sample(
    executor: Any, noise: Any, latent_image: Any, sampler: Any, sigmas: Any, denoise_mask: Any = None,
    callback: Any = None, disable_pbar: bool = False, seed: int | None = None, **more: Any,
) -> Any:  # fmt: skip
    """OUTER_SAMPLE wrapper. The options changed here are the host's copy for this run."""
    guider = executor.class_obj
    handler = handler_for(guider.model_patcher, guider.model_options, noise.shape[0])
    if handler is not None:
        guider.model_options[HANDLER] = handler
    noise = _rescheduled(noise, guider.model_options["transformer_options"], seed or 0)
    return executor(noise, latent_image, sampler, sigmas, denoise_mask, callback, disable_pbar, seed, **more)


def _rescheduled(noise: torch.Tensor, transformer_options: Any, seed: int) -> torch.Tensor:
    """`noise` (f, c, h, w), in FreeNoise's order if the windows on the MODEL want it."""
    motion_windows = transformer_options.get(MOTION_WINDOWS)
    if motion_windows is not None and motion_windows.freenoise:
        return reschedule(noise, motion_windows.length, motion_windows.overlap, seed)
    for windows in transformer_options.get(KEY, ()):
        if windows.freenoise:
            return reschedule(noise, windows.spec.length, windows.spec.overlap, seed)
    return noise


def _prepare_sampling(executor: Any, model: Any, noise_shape: Any, conds: Any, *args: Any, **kwargs: Any) -> Any:
    """PREPARE_SAMPLING wrapper: the host makes room for what is computed at once, not for the whole video."""
    handler = (kwargs.get("model_options") or {}).get(HANDLER)
    if isinstance(handler, ContextHandler):
        noise_shape = [handler.most_frames_at_once(noise_shape[0]), *noise_shape[1:]]
    return executor(model, noise_shape, conds, *args, **kwargs)


_WRAPPERS = {
    WrappersMP.OUTER_SAMPLE: _outer_sample,
    WrappersMP.PREPARE_SAMPLING: _prepare_sampling,
    WrappersMP.CALC_COND_BATCH: note_frames,
}
