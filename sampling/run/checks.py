"""What cannot work is said before sampling starts, in words that say what to do."""

from typing import Any

from ...motion.positions import PositionRule
from ...motion.spec import BASE_NAMES, MotionSpec
from ..call.slots import base_name, find_slots
from ..windows.context_handler import ContextHandler
from ..windows.motion_windows import KEY as MOTION_WINDOWS


def check_fits(spec: MotionSpec, model: Any, file: str) -> None:
    """Raises ValueError unless every motion module of `spec` has its place in the UNet of `model` (MODEL)."""
    slots = find_slots(model.model.diffusion_model)
    needs = BASE_NAMES[spec.base]
    has = base_name(model)
    if not slots:
        raise ValueError(
            f'"{file}" animates {needs}, but the connected MODEL is {has}, which has no UNet. Use an {needs} checkpoint.'
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
    raise ValueError(
        f'"{file}" does not fit the connected MODEL: at "{place}" it has {modules.get(place, "no")} channels and the UNet '
        f"{widths.get(place, 'no place')}. Pick the motion model that was made for this checkpoint."
    )


_EXAMPLES = {"SD1.5": "v3_sd15_mm", "SDXL": "mm_sdxl_v10_beta"}


def check_frames(
    total: int, spec: MotionSpec, positions: PositionRule, file: str, model_options: dict[str, Any]
) -> None:
    """Raises ValueError unless a window of the `total` frames is at least two long and has a position for each."""
    lengths = _lengths(total, model_options)
    if total < 2:
        raise ValueError(
            f"A motion model animates 2 frames or more, but the latent has {total}. "
            f"Set batch_size of Empty Latent Image to the number of frames, e.g. {spec.native_frames}."
        )
    if min(lengths) < 2:
        raise ValueError(
            f"A motion model animates 2 frames or more, but the context windows have {min(lengths)}. "
            f"Use windows of {spec.native_frames} frames."
        )
    frames, known = max(lengths), spec.max_frames - positions.offset
    if frames > known and positions.beyond == "refuse":
        raise ValueError(
            f'"{file}" knows {known} positions, but {frames} frames are sampled at once. '
            f"Use {known} frames or fewer (it was trained with {spec.native_frames}), or shorter context windows."
        )


def _lengths(total: int, model_options: dict[str, Any]) -> list[int]:
    """How many of `total` frames a motion model sees together in the parts of a run with `model_options`."""
    handler = model_options.get("context_handler")
    if isinstance(handler, ContextHandler):
        lengths = handler.lengths(total)
    elif handler is not None and getattr(handler, "dim", 0) == 0:
        anchored = handler.context_length + bool(getattr(handler, "causal_window_fix", False))  # one frame before it
        lengths = [min(total, handler.context_length), min(total, anchored)]
    else:
        lengths = [total]
    motion_windows = model_options["transformer_options"].get(MOTION_WINDOWS)
    return [min(length, motion_windows.length) for length in lengths] if motion_windows else lengths
