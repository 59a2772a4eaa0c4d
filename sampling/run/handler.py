"""The context handler of a run: what the nodes asked for, or what a long video needs."""

import torch

from ...motion.host import HostHandler, HostModel, HostOptions
from ...motion.spec import MotionSpec
from ..modules.applied import Applied
from ..windows.context_handler import ContextHandler
from ..windows.context_windows import automatic_windows
from .animation import animation_of, motion_models
from .checks import check_no_evolved_windows, check_no_other_windows

HANDLER = "context_handler"
"""Where the host looks for context windows in model_options."""


def handler_for(patcher: HostModel, model_options: HostOptions, frames: int) -> HostHandler | None:
    """The context handler for a run of `frames`: the one that is there, one made of the windows on the MODEL, windows
    of the motion models' native length where neither these nor motion windows are, or None when none are needed.

    Raises ValueError when the MODEL has windows and another pack's handler.
    """
    check_no_evolved_windows(patcher)
    animation = animation_of(model_options)
    plan = list(animation.windows)
    if plan:
        check_no_other_windows(model_options)
    if model_options.get(HANDLER) is not None:
        handler: HostHandler = model_options[HANDLER]
        return handler
    models = motion_models(patcher)
    native = [_native(models[how.index].model.spec, how) for how in animation.motions if how.strength != 0]
    if native and frames > min(native) and animation.motion_windows is None:
        plan.insert(0, automatic_windows(min(native)))
    return ContextHandler(plan, animation.references) if plan else None


def video_length(handler: HostHandler | None, noise: torch.Tensor) -> int:
    """The frames of the video that a run with its context `handler` makes. The `noise` (f, c, h, w) that it begins with has
    fewer where the handler says so."""
    frames: int = getattr(handler, "video_frames", noise.shape[0])
    return frames


def _native(spec: MotionSpec, how: Applied) -> int:
    """The length of the windows that suit a motion model."""
    return min(spec.native_frames, how.positions.length(spec.max_frames))


def frames_at_once(handler: HostHandler | None, frames: int) -> int:
    """How many of `frames` are computed at once with the context `handler` of a run, None where it has none."""
    return handler.most_frames_at_once(frames) if isinstance(handler, ContextHandler) else frames
