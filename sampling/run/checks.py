"""What cannot work is said before sampling starts, in words that say what to do."""

from collections.abc import Callable, Mapping
from typing import Any

import comfy.model_management
import torch
from comfy.model_sampling import EPS

from ...motion.host import HostGuider, HostHandler, HostModel, HostMotion
from ...motion.load import FILE
from ...motion.spec import BASE_NAMES, MotionSpec
from ..call.slots import base_name, find_slots
from ..camera.path import track_of
from ..camera.sight import check_camera
from ..modules.applied import Applied
from ..windows.context_handler import ContextHandler
from ..windows.motion_windows import MotionWindows
from .animation import Animation, motion_models
from .second_model import check_second_model


def check_fits(spec: MotionSpec, model: HostModel, file: str) -> None:
    """Raises ValueError unless every motion module of `spec` has its place in the UNet of `model` (MODEL)."""
    slots = find_slots(model.model.diffusion_model)
    needs = BASE_NAMES[spec.base]
    has = base_name(model)
    if not slots:
        raise ValueError(
            f'"{file}" is an {needs} motion model, but the connected MODEL is {has}, which has no UNet. Use an {needs} '
            "checkpoint."
        )
    if needs != has:
        other = f", or pick a motion model made for {has} such as {_EXAMPLES[has]}" if has in _EXAMPLES else ""
        raise ValueError(
            f'"{file}" is an {needs} motion model, but the connected MODEL is {has}. Use an {needs} checkpoint{other}.'
        )
    widths = {place: slot.width for place, slot in slots.items()}
    expected = {place for place in widths if spec.has_mid or not place.startswith("mid_block.")}
    if dict(spec.modules) == {place: widths[place] for place in expected}:
        return
    modules = dict(spec.modules)
    place = next(p for p in [*modules, *widths] if modules.get(p) != widths.get(p))
    has_here = f"{modules[place]} channels" if place in modules else "no motion module"
    in_unet = f"{widths[place]} channels" if place in widths else "no block there"
    raise ValueError(
        f'"{file}" does not fit the connected MODEL: at "{place}" it has {has_here}, but the UNet has '
        f"{in_unet}. Pick the motion model that was made for this checkpoint."
    )


_EXAMPLES = {"SD1.5": "mm_sd15_v3", "SDXL": "mm_sdxl_v10_beta"}


def check_accepts(model: HostModel, fields: Mapping[str, Any]) -> None:
    """Raises ValueError unless `model` (MODEL) can do what these `fields` of an Animation ask."""
    for name in fields:
        if name in _ACCEPTS:
            _ACCEPTS[name](model)


def _check_can_be_cut(model: HostModel) -> None:
    _check_makes_pictures(model, "Kinema's Context Windows are", "Use ComfyUI's own Context Windows (Manual).")
    check_no_other_windows(model.model_options)


def _check_can_be_guided(model: HostModel) -> None:
    _check_makes_pictures(model, "Animation Guidance is", "Set the cfg in the sampler instead.")


def _check_makes_pictures(model: HostModel, what: str, advice: str) -> None:
    if model.model.latent_format.latent_dimensions != 2:
        raise ValueError(
            f"{what} for image models, which process the frames of a video as a batch of pictures, but the connected MODEL "
            f"({type(model.model).__name__}) is a video model. {advice}"
        )


def check_no_other_windows(model_options: Mapping[str, Any]) -> None:
    """Raises ValueError when there are context windows of another pack."""
    handler = model_options.get("context_handler")
    if handler is not None and not isinstance(handler, ContextHandler):
        raise ValueError(
            f"The MODEL already has context windows of another node ({type(handler).__name__}), but a run can use only one "
            "kind of context window. Remove that node, or Kinema's Context Windows."
        )


def check_no_evolved_windows(model: HostModel) -> None:
    """Raises ValueError when the connected `model` (MODEL) has AnimateDiff-Evolved's context options, which are in an
    attachment. That pack cuts the latents before the host's sampler is asked, so that no node of another pack knows which
    frames it is given."""
    options = getattr(model.get_attachment(_EVOLVED), "context_options", None)
    length = getattr(options, "context_length", None)
    if length is not None:
        raise ValueError(
            f"The MODEL has AnimateDiff-Evolved's context options (windows of {length} frames), but Kinema's nodes work "
            "only with Kinema's or ComfyUI's windows. Disconnect context_options from that pack's node and use Kinema's "
            "Context Windows."
        )


_EVOLVED = "ADE_params"
"""Where AnimateDiff-Evolved keeps its settings on a MODEL."""


def _check_adds_noise(model: HostModel) -> None:
    if not isinstance(model.get_model_object("model_sampling"), EPS):
        raise ValueError(
            f"Refine Noise is for diffusion models such as SD1.5 and SDXL, but the connected MODEL is a "
            f"{type(model.model).__name__}, which adds noise in another way. Connect an SD1.5 or SDXL model."
        )


def _check_has_unet(model: HostModel) -> None:
    if not find_slots(model.model.diffusion_model):
        raise ValueError(
            f"First-frame attention acts in a UNet, but the connected MODEL is {base_name(model)}, which has none. "
            "Use an SD1.5 or SDXL checkpoint."
        )


def _check_has_level(model: HostModel) -> None:
    if "up_blocks.3.motion_modules.0" not in find_slots(model.model.diffusion_model):
        raise ValueError(
            f"Motion from Video guides motion modules of SD1.5, but the connected MODEL is {base_name(model)}. Use an SD1.5 "
            "checkpoint with an SD1.5 motion model such as mm_sd15_v3."
        )


_ACCEPTS: dict[str, Callable[[Any], None]] = {
    "windows": _check_can_be_cut,
    "guidance": _check_can_be_guided,
    "refinement": _check_adds_noise,
    "first_frame": _check_has_unet,
    "from_video": _check_has_level,
}
"""What to check of a MODEL, by the field of an Animation that changes."""


def check_run(animation: Animation, guider: HostGuider, frames: int) -> None:
    """Raises ValueError unless a run of the host's `guider` over `frames` can do what `animation` asks."""
    acting = {
        "Motion Guidance": animation.motion_guidance,
        "Motion from Video": animation.from_video,
        "Enhance Motion": animation.enhance,
    }
    for name, wanted in acting.items():
        if wanted is not None and not animation.motions:
            raise ValueError(
                f"{name} acts on the motion modules of a motion model, but the MODEL has none. Put Apply Motion Model "
                "before or after this node."
            )
    if animation.motion_field is not None and frames < 2:
        raise ValueError(
            f"Text2Video-Zero needs at least 2 frames, but the latent has {frames}. "
            "Set batch_size of Empty Latent Image to the number of frames, e.g. 8."
        )
    if animation.motions and comfy.model_management.in_training:
        raise ValueError(
            "ComfyUI's Train LoRA trains with single pictures, but the MODEL has a motion model, which would take the "
            "pictures of a batch for frames. Connect the MODEL without Apply Motion Model, or train with Train Motion LoRA."
        )
    check_second_model(guider)
    models = motion_models(guider.model_patcher)
    handler = guider.model_options.get("context_handler")
    lengths = _lengths(frames, handler, animation.motion_windows)
    for how in animation.motions:
        if how.strength != 0:
            _check_frames(frames, lengths, models[how.index], how)
        if how.camera is not None:
            wraps = isinstance(handler, ContextHandler) and any(
                windows.loops and windows.spec.cuts(frames) for windows in handler.plan
            )
            check_camera(track_of(how.camera.path, frames), wraps)


def check_sigmas(sigmas: torch.Tensor) -> None:
    """Raises ValueError unless the noise levels of a run are finite: some samplers would never end."""
    if not sigmas.isfinite().all():
        raise ValueError(
            f"The noise levels (sigmas) of this run are not finite: {_few(sigmas)}. Check the nodes that make the sigmas "
            "and the noise schedule of the MODEL."
        )


def check_result(latents: torch.Tensor) -> None:
    """Raises ValueError where a sampled video (f, c, h, w) has numbers that are not finite, which would be black frames."""
    bad = (~latents.isfinite().flatten(1).all(1)).nonzero().flatten().tolist()
    if bad:
        raise ValueError(
            f"Sampling gave numbers that are not finite (NaN) in {len(bad)} of {len(latents)} frames (the first: frame "
            f"{bad[0]}). Lower cfg and the strengths of the nodes on the MODEL, and choose a sampler and sigmas that suit "
            "the model; with half precision, start ComfyUI with --force-fp32."
        )


def _few(numbers: torch.Tensor) -> str:
    shown = [f"{number:g}" for number in numbers.tolist()]
    return ", ".join(shown if len(shown) <= 4 else [*shown[:3], "..."])


def _check_frames(total: int, lengths: list[int], motion: HostMotion, how: Applied) -> None:
    """Raises ValueError unless windows of `lengths` of the `total` frames are at least two long, and `motion`
    (MOTION_MODEL) has a position for each."""
    spec = motion.model.spec
    if total < 2:
        raise ValueError(
            f"A motion model needs at least 2 frames, but the latent has {total}. "
            f"Set batch_size of Empty Latent Image to the number of frames, e.g. {spec.native_frames}."
        )
    if min(lengths) < 2:
        raise ValueError(
            f"A motion model needs at least 2 frames, but the context windows have length {min(lengths)}. Use windows of "
            f"{spec.native_frames} frames."
        )
    frames = max(lengths)
    known = how.positions.length(spec.max_frames) - how.positions.offset
    if frames > known and how.positions.beyond == "refuse":
        raise ValueError(
            f'"{motion.get_attachment(FILE)}" has {known} positional encodings, but {frames} frames are sampled at once. '
            f"Use {known} frames or fewer (it was trained with {spec.native_frames}), or shorter context windows."
        )


def _lengths(total: int, handler: HostHandler | None, inside: MotionWindows | None) -> list[int]:
    """How many of `total` frames a motion model sees together in the parts of a run with the host's context `handler` and
    motion windows `inside`."""
    if isinstance(handler, ContextHandler):
        lengths = handler.lengths(total)
    elif handler is not None and getattr(handler, "dim", 0) == 0:
        anchored = handler.context_length + bool(getattr(handler, "causal_window_fix", False))  # one frame before it
        lengths = [min(total, handler.context_length), min(total, anchored)]
    else:
        lengths = [total]
    return lengths if inside is None else [min(length, inside.length) for length in lengths]
