"""What a video without end cannot do, said before it begins."""

from collections.abc import Iterator, Sequence
from typing import Any

import comfy.sample
import torch
from comfy.model_sampling import EPS

from ...motion.host import HostModel
from ..call.caches import EASYCACHE
from ..run.animation import Animation, animation_of
from ..windows.controlnets import chained

NODE = "Endless Animation"

_WHOLE = "computes a video as a whole"
REFUSED_FIELDS = {
    "windows": ("Context Windows", "cuts a video whose length is known"),
    "motion_windows": ("Motion Windows", _WHOLE),
    "references": ("Window Reference", "refers to the windows of Context Windows"),
    "noise": ("Animation Noise", "arranges the noise of a whole video"),
    "refinement": ("Refine Noise", "samples a whole video several times"),
    "injections": ("Inject Image", "acts at one moment of a run that all frames share"),
    "motion_field": ("Text2Video-Zero", _WHOLE),
    "from_video": ("Motion from Video", "spreads its reference over a video whose length is known"),
    "reuse": ("Fast Sampling", "reuses what it found for the same frames one step before"),
}
"""Fields of an Animation that cannot act, the node that sets them, and why they cannot."""


def check_endless(model: HostModel, conds: Sequence[Any]) -> None:
    """Raises ValueError where `model` (MODEL) or `conds` (lists of the node's CONDITIONING) ask for what cannot act."""
    if not isinstance(model.get_model_object("model_sampling"), EPS):
        raise ValueError(
            f"{NODE} is for diffusion models such as SD1.5 and SDXL, but the connected MODEL is a "
            f"{type(model.model).__name__}, which adds noise differently. Connect an SD1.5 or SDXL model."
        )
    animation = animation_of(model.model_options)
    if not animation.motions:
        raise ValueError(
            f"{NODE} needs a motion model, but the MODEL has none: its frames would have nothing in common. Put Apply "
            f"Motion Model before {NODE}."
        )
    for node, reason in (*_asked(animation), *_of_other_nodes(model)):
        raise ValueError(
            f"{NODE} denoises each frame at its own noise level, but the MODEL has {node}, which {reason}. Remove {node}."
        )
    for name, what in _limited(conds):
        raise ValueError(f"{NODE} denoises frames of different noise levels together, but {name} {what}.")


def check_levels(sigmas: torch.Tensor, steps: int, scheduler: str) -> None:
    """Raises ValueError unless `sigmas` (s + 1,) are as many falling noise levels as the queue has places."""
    count = len(sigmas) - 1
    if count != steps:
        raise ValueError(
            f'The scheduler "{scheduler}" gives {count} noise levels for {steps} steps, but the queue needs one for each of '
            f'its {steps} places. Set scheduler to "simple".'
        )
    if not bool((sigmas[1:] < sigmas[:-1]).all()):
        raise ValueError(
            f'The scheduler "{scheduler}" does not lower the noise level at some of the {steps} steps, but the queue needs a '
            'lower level at each of them. Set scheduler to "simple", or use fewer steps.'
        )


def start_of(latent: dict[str, Any], length: int, model: HostModel) -> torch.Tensor:
    """The latents (length, c, h, w) that a run of `model` (MODEL) begins with, of a LATENT: empty, or its first frames. An
    empty one gets the channels and the size that the model needs, as in the host's samplers. Raises ValueError for one that
    has too few frames, or a mask."""
    samples: torch.Tensor = latent["samples"]
    if latent.get("noise_mask") is not None:
        raise ValueError(f"{NODE} denoises whole frames, but the latent has a mask. Remove Set Latent Noise Mask.")
    if samples.ndim != 4:
        raise ValueError(
            f"{NODE} needs the latents of pictures, with 4 dimensions, but these have {samples.ndim}. Use Empty Latent Image."
        )
    if not torch.count_nonzero(samples):
        ratio = {key: latent[key] for key in ("downscale_ratio_spacial",) if key in latent}  # older hosts know none
        fitting = comfy.sample.fix_empty_latent_channels(model, samples, **ratio)
        return torch.zeros(length, *fitting.shape[1:])
    if samples.shape[0] < length:
        raise ValueError(
            f"The latent has {samples.shape[0]} finished frames, but the video begins with a whole window of {length}. "
            f"Sample {length} frames, or connect an Empty Latent Image."
        )
    return samples[:length]


def _asked(animation: Animation) -> Iterator[tuple[str, str]]:
    for field, refusal in REFUSED_FIELDS.items():
        if getattr(animation, field):
            yield refusal


def _of_other_nodes(model: HostModel) -> Iterator[tuple[str, str]]:
    handler = model.model_options.get("context_handler")
    if handler is not None:
        yield f"context windows of another node ({type(handler).__name__})", "cut a video whose length is known"
    if EASYCACHE in model.model_options.get("transformer_options", {}):
        yield "EasyCache or LazyCache", "compares each step with the one before"


def _limited(conds: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """What acts only in a part of the run, by the noise level of the first frame of a model call; how, and what to do."""
    limit = "acts only at some noise levels ({:g} to {:g}). Have it act from 0 to 1"
    for _, options in (entry for each in conds for entry in each):
        start = options.get("start_percent", 0.0)
        end = options.get("end_percent", 1.0)
        if start > 0 or end < 1:
            yield "a prompt", limit.format(start, end)
        for control in chained(options.get("control")):
            start, end = getattr(control, "timestep_percent_range", (0.0, 1.0))
            if start > 0 or end < 1:
                yield "a ControlNet", limit.format(start, end)
        hooks = options.get("hooks")
        for hook in hooks.hooks if hooks is not None else ():
            count = len(hook.hook_keyframe.keyframes)
            if count > 1:
                yield "a hook of a prompt", f"changes with the noise level ({count} keyframes). Use one keyframe"
