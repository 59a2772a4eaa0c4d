"""What is asked of a run but does not act in it, as sentences for the sampler's node."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from ...motion.host import HostGuider, HostHandler
from ..call.caches import cache_node
from ..call.moment import Part
from ..call.progress import is_within
from ..camera.path import beyond_video
from ..curves.outside_blocks import outside_blocks
from ..curves.outside_run import outside_run
from ..guidance.guidance_reuse import combines_as_host
from ..latents.inject_image import step_of
from ..noise.refine_noise import falls
from ..sparsectrl.sparse_control import SparseControl
from ..windows.context_handler import ContextHandler
from ..windows.controlnets import chained, is_hosts
from ..windows.cut import Window, cut
from .animation import Animation, motion_models
from .handler import video_length
from .second_model import about_second_model
from .suits import unsuitable


def remarks(
    animation: Animation,
    guider: HostGuider,
    handler: HostHandler | None,
    noise: torch.Tensor,
    latent_image: torch.Tensor,
    sigmas: torch.Tensor,
) -> list[str]:
    """The sentences for a run of the host's `guider` with its context `handler` from `noise` (f, c, h, w) and the latents of
    the sampler's node along `sigmas`: first how it is cut into windows."""
    frames = video_length(handler, noise)
    windows = _cut(handler, guider, frames, sigmas)
    return [
        *([f"{frames} frames in {len(windows)} windows of {len(windows[0])}."] if windows else []),
        *_motion_windows(animation, frames, max(map(len, windows), default=0)),
        *_freenoise(animation, noise),
        *_noise(animation, noise, latent_image, sigmas),
        *_windows(animation, bool(windows)),
        *_injections(animation, guider, sigmas),
        *_reuse(animation, guider),
        *_video(animation, guider, frames, sigmas),
        *outside_run(_without_cameras(animation), frames, len(sigmas) - 1),
        *_blocks(animation, guider),
        *_cameras_and_pictures(animation, guider, frames),
        *_prompts(guider, frames),
        *_hints(guider, frames, bool(windows) or frames > noise.shape[0]),
        *_sparse_controls(guider, frames, len(sigmas) - 1),
        *unsuitable(animation, guider, latent_image, len(sigmas) - 1),
        *about_second_model(animation, guider),
    ]


def _cut(handler: HostHandler | None, guider: HostGuider, frames: int, sigmas: torch.Tensor) -> Sequence[Window]:
    """The windows of the first step that has some; none where all of the run is computed at once."""
    if not isinstance(handler, ContextHandler):
        return ()
    sampling = guider.model_patcher.get_model_object("model_sampling")
    for step, sigma in enumerate(sigmas.tolist()[:-1]):
        windows = handler.at(frames, sigma, sampling)
        if windows is not None:
            return cut(windows.spec, frames, step)
    return ()


def _freenoise(animation: Animation, noise: torch.Tensor) -> Iterator[str]:
    frames = noise.shape[0]
    spec = animation.freenoise_windows
    if spec is not None and frames <= spec.length:
        yield f"FreeNoise has no effect: the {frames} frames of the video fit into one window of {spec.length} frames."
    if spec is not None and torch.count_nonzero(noise) == 0:
        yield "FreeNoise has no effect: this sampler adds no noise."
    for layer in animation.noise.layers if animation.noise is not None else ():
        length = layer.pattern.length
        if layer.pattern.kind in ("FreeNoise", "repeated") and frames + layer.first_frame <= length:
            yield (
                f"The noise type {layer.pattern.kind} has no effect: the video has {frames} frames, and length is {length}, "
                "so no noise is repeated."
            )


def _noise(
    animation: Animation, noise: torch.Tensor, latent_image: torch.Tensor, sigmas: torch.Tensor
) -> Iterator[str]:
    adds_none = torch.count_nonzero(noise) == 0
    if animation.noise is not None and adds_none:
        yield "The initial noise of Animation Noise has no effect: this sampler adds no noise."
    elif animation.noise is not None and animation.noise.authors_start and torch.count_nonzero(latent_image):
        yield "authors_start of Animation Noise has no effect: it is for an empty latent, but this one is not empty."
    if animation.refinement is not None and adds_none:
        yield "Refine Noise has no effect: this sampler adds no noise."
    elif animation.refinement is not None and not falls(sigmas):
        yield (
            f"Refine Noise has no effect: the noise level of this run goes from {sigmas[0]:.2f} to {sigmas[-1]:.2f} and does "
            "not fall."
        )


def _windows(animation: Animation, is_cut: bool) -> Iterator[str]:
    if animation.references and not is_cut:
        yield "Window Reference has no effect: the video is not computed in context windows."
    if animation.motion_windows is not None and animation.motion_windows.closed_loop and is_cut:
        yield (
            "closed_loop of Motion Windows has no effect: the video is computed in context windows, each of which is only "
            'a part of the video. To make a loop, turn on closed_loop of Context Windows, with the schedule "looped" or '
            '"shifting".'
        )


def _injections(animation: Animation, guider: HostGuider, sigmas: torch.Tensor) -> Iterator[str]:
    sampling = guider.model_patcher.get_model_object("model_sampling")
    for injection in animation.injections:
        if step_of(injection.percent, sigmas, sampling) is None:
            yield (
                f"Inject Image has no effect: this run does not pass the point at {injection.percent:.0%} of the noise "
                "schedule."
            )


def _reuse(animation: Animation, guider: HostGuider) -> Iterator[str]:
    if animation.reuse is None or animation.reuse.interval == 1:
        return
    if not combines_as_host(guider):
        yield (
            f"Fast Sampling has no effect: the guider {type(guider).__name__} does not combine its predictions "
            "with a single cfg."
        )
    elif guider.cfg == 1 and animation.guidance is None:
        yield "Fast Sampling has no effect: cfg is 1, so the negative prompt is not computed anyway."
    else:
        other = cache_node(guider.model_options["transformer_options"])
        if other:
            yield f"Fast Sampling and {other} both reuse what earlier steps computed, and their errors add up. Remove {other}."


def _video(animation: Animation, guider: HostGuider, frames: int, sigmas: torch.Tensor) -> Iterator[str]:
    video = animation.from_video
    if video is None:
        return
    sampling = guider.model_patcher.get_model_object("model_sampling")
    start, end = video.start_percent, video.end_percent
    if not any(is_within(start, end, sigma, sampling) for sigma in sigmas.tolist()[:-1]):
        part = f"{start:.0%} and {end:.0%} of the noise schedule"
        yield f"Motion from Video has no effect: no step of this run is between {part}."
    elif len(video.pictures) != frames:
        pictures = f"the {len(video.pictures)} pictures of the reference are spread evenly"
        yield f"Motion from Video: {pictures} over the {frames} frames of the video."


def _without_cameras(animation: Animation) -> Sequence[Any]:
    """All of `animation` but the curves of camera paths, which count the frames of their own moves."""
    motions = tuple(replace(how, camera=None) for how in animation.motions)
    strengths = tuple(how.camera.strength for how in animation.motions if how.camera is not None)
    return (replace(animation, motions=motions), strengths)


def _blocks(animation: Animation, guider: HostGuider) -> Iterator[str]:
    """Of the strength and the attention: what a motion LoRA has at a block is up to its file."""
    for how in animation.motions:
        spec = motion_models(guider.model_patcher)[how.index].model.spec
        modules = [Part(place) for place, _ in spec.modules]
        attentions = [Part(place, number) for place, _ in spec.modules for number in range(spec.attentions)]
        nowhere = [*outside_blocks(how.strength, modules + attentions), *outside_blocks(how.attention, attentions)]
        for blocks in dict.fromkeys(nowhere):
            yield f'The value of a curve for "{blocks}" has no effect: {spec.family.label} has no motion module there.'
        for blocks in outside_blocks(how.strength, modules):
            if blocks not in nowhere:
                yield (
                    f'The value of a curve for "{blocks}" has no effect on strength, which is the same for all attentions '
                    "of a motion module."
                )


def _cameras_and_pictures(animation: Animation, guider: HostGuider, frames: int) -> Iterator[str]:
    for how in animation.motions:
        if how.camera is not None:
            yield from beyond_video(how.camera.path, frames)
        picture, takes = how.picture, motion_models(guider.model_patcher)[how.index].model.spec.picture
        if picture is not None and picture.acts and takes != "mask+picture" and picture.count > frames:
            yield f"Animate Picture has {picture.count} pictures; only the first {frames} are used, one for each frame."


def _prompts(guider: HostGuider, frames: int) -> Iterator[str]:
    counts = [cond["cross_attn"].shape[0] for conds in guider.conds.values() for cond in conds if "cross_attn" in cond]
    for count in sorted(set(counts) - {1, frames}):
        what = (
            "the prompts for later frames are not used" if count > frames else "the prompts are repeated from the first"
        )
        yield f"The prompts of Prompt Travel are made for {count} frames, but the video has {frames}: {what}."
    masks = [cond["mask"] for conds in guider.conds.values() for cond in conds if "mask" in cond]
    for count in sorted({len(mask) for mask in masks if mask.ndim == 3} - {1, frames}):
        what = "surplus masks are not used" if count > frames else "the masks are repeated from the first"
        yield f"A prompt has {count} masks for {frames} frames: {what}."


def _motion_windows(animation: Animation, frames: int, longest: int) -> Iterator[str]:
    """`longest`: frames of the longest context window; 0: there are none."""
    inside = animation.motion_windows
    is_cut = longest > 0
    count = 0 if inside is None or is_cut else len(inside.cut(frames, frames))
    if inside is not None and count:
        windows = "motion window" if count == 1 else "motion windows"
        yield f"{frames} frames in {count} {windows} of {min(inside.length, frames)} frames."
    seen = longest if is_cut else frames
    if inside is not None and inside.global_attention and seen <= inside.length:
        what = f"each context window of {seen}" if is_cut else f"the video of {seen}"
        yield (
            f"global_attention of Motion Windows has no effect: {what} frames fits into one motion window of "
            f"{inside.length} frames."
        )


def _hints(guider: HostGuider, frames: int, is_cut: bool) -> Iterator[str]:
    """About the host's controls, which repeat or cut their pictures. Those of other packs place them in their own way."""
    for control in (link for link in _controls(guider) if is_hosts(link)):
        count = 1 if control.cond_hint_original is None else control.cond_hint_original.shape[0]
        if 1 < count < frames:
            repeated = "the last picture is" if is_cut else "the pictures are"
            rest = f"{repeated} repeated for the remaining frames"
            yield f"A ControlNet has {count} pictures for {frames} frames: {rest}."
        elif count > frames:
            yield f"A ControlNet has {count} pictures for {frames} frames: surplus pictures are not used."


def _sparse_controls(guider: HostGuider, frames: int, steps: int) -> Iterator[str]:
    for control in _controls(guider):
        if isinstance(control, SparseControl):
            yield from outside_run(control.how, frames, steps)
            count = control.cond_hint_original.shape[0]
            if count > frames:  # other placements refuse it
                yield f"SparseCtrl has {count} pictures; only the first {frames} are used, one for each frame."


def _controls(guider: HostGuider) -> Iterator[Any]:
    """The controls of all prompts, with those chained to them."""
    for cond in (cond for conds in guider.conds.values() for cond in conds):
        if cond.get("control") is not None:
            yield from chained(cond["control"])
