"""What is asked of a run but does not act in it, as sentences for the sampler's node."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from ..call.host import HostGuider
from ..curves.outside_run import outside_run
from ..latents.inject_image import step_of
from ..windows.context_handler import ContextHandler
from .animation import Animation


def remarks(
    animation: Animation, guider: HostGuider, handler: Any, noise: torch.Tensor, sigmas: torch.Tensor
) -> list[str]:
    """The sentences for a run of the host's `guider` with its context `handler` from `noise` (f, c, h, w) along `sigmas`."""
    frames = noise.shape[0]
    is_cut = isinstance(handler, ContextHandler) and any(windows.spec.cuts(frames) for windows in handler.plan)
    return [
        *_freenoise(animation, noise),
        *_windows(animation, is_cut),
        *_injections(animation, guider, sigmas),
        *outside_run(_without_cameras(animation), frames, len(sigmas) - 1),
        *_prompts(guider, frames),
    ]


def _freenoise(animation: Animation, noise: torch.Tensor) -> Iterator[str]:
    frames = noise.shape[0]
    spec = animation.freenoise_windows
    if spec is not None and frames <= spec.length:
        yield f"FreeNoise has no effect: the video has {frames} frames, and one window has {spec.length}."
    if spec is not None and torch.count_nonzero(noise) == 0:
        yield "FreeNoise has no effect: this sampler adds no noise."
    for layer in animation.noise.layers if animation.noise is not None else ():
        length = layer.pattern.length
        if layer.pattern.kind in ("FreeNoise", "repeated") and frames + layer.first_frame <= length:
            yield (
                f"The noise type {layer.pattern.kind} has no effect: the video has {frames} frames, and length is {length}."
            )


def _windows(animation: Animation, is_cut: bool) -> Iterator[str]:
    if animation.references and not is_cut:
        yield "Window Reference has no effect: the video is not computed in context windows."
    if animation.motion_windows is not None and animation.motion_windows.closed_loop and is_cut:
        yield "closed_loop of Motion Windows has no effect: a context window is only a part of the loop."


def _injections(animation: Animation, guider: HostGuider, sigmas: torch.Tensor) -> Iterator[str]:
    sampling = guider.model_patcher.get_model_object("model_sampling")
    for injection in animation.injections:
        if step_of(injection.percent, sigmas, sampling) is None:
            yield f"Inject Image does not act: this run does not pass {injection.percent:.0%} of the noise schedule."


def _without_cameras(animation: Animation) -> Sequence[Any]:
    """All of `animation` but the curves of camera paths, which count the frames of their own moves."""
    motions = tuple(replace(how, camera=None) for how in animation.motions)
    strengths = tuple(how.camera.strength for how in animation.motions if how.camera is not None)
    return (replace(animation, motions=motions), strengths)


def _prompts(guider: HostGuider, frames: int) -> Iterator[str]:
    counts = [cond["cross_attn"].shape[0] for conds in guider.conds.values() for cond in conds if "cross_attn" in cond]
    for count in sorted(set(counts) - {1, frames}):
        what = f"the first {frames} are used" if count > frames else "they are repeated"
        yield f"The prompts of Prompt Travel are made for {count} frames, and the video has {frames}: {what}."
