"""What windows a run will have: the same code as in the run, without running it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...motion.host import HostModel
from ..run.animation import animation_of
from ..run.handler import handler_for
from ..windows.context_handler import ContextHandler
from ..windows.cut import Window


@dataclass(frozen=True)
class Stretch:
    """Consecutive steps with the same windows."""

    first: int  # the first of the steps, from 1
    last: int  # the last of the steps, from 1
    windows: tuple[Window, ...]  # the frames of each window, in the order of computation
    weights: tuple[tuple[float, ...], ...]  # of each window, one weight for each of its frames
    motion: tuple[Window, ...]  # the windows inside the motion modules, as frames of the video; empty: there are none


def plan_run(model: HostModel, frames: int, sigmas: Sequence[float]) -> list[Stretch]:
    """The windows of a run of `model` (MODEL) over `frames`, with the noise levels `sigmas`, the last of them its end.

    Raises ValueError when the windows are those of another pack.
    """
    handler = handler_for(model, model.model_options, frames)
    if handler is not None and not isinstance(handler, ContextHandler):
        raise ValueError(
            "The MODEL has context windows set by a node that is not part of Kinema "
            f"({type(handler).__name__}). Only Kinema's windows can be drawn; remove that node to see them."
        )
    stretches: list[Stretch] = []
    for step, sigma in enumerate(sigmas[:-1]):
        windows, weights = _cut(handler, model, frames, step, sigma)
        motion = _inside(model, windows, frames, step)
        last = stretches[-1] if stretches else None
        if last is not None and (last.windows, last.weights, last.motion) == (windows, weights, motion):
            stretches[-1] = replace(last, last=step + 1)
        else:
            stretches.append(Stretch(step + 1, step + 1, windows, weights, motion))
    return stretches


def _cut(handler: ContextHandler | None, model: HostModel, frames: int, step: int, sigma: float) -> Any:
    """As the handler does it in a run; the whole video where it has nothing to do."""
    now = handler.at(frames, sigma, model.get_model_object("model_sampling")) if handler else None
    return now.cut(frames, step, sigma) if now else ((tuple(range(frames)),), ((1.0,) * frames,))


def _inside(model: HostModel, windows: Sequence[Window], frames: int, step: int) -> tuple[Window, ...]:
    """The motion windows inside `windows` at a `step` of the run, as frames of the whole video."""
    motion_windows = animation_of(model.model_options).motion_windows
    if motion_windows is None:
        return ()
    return tuple(
        tuple(window[i] for i in inside)
        for window in windows
        for inside in motion_windows.cut(len(window), frames, step)
    )
