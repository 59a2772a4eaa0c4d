"""Guiders that predict with two MODELs, such as the host's Dual Model CFG Guider: it samples both with the settings of the
first."""

from collections.abc import Iterator, Sequence

from ...motion.host import HostGuider, HostModel, HostMotion
from ...motion.load import FILE
from .animation import ANIMATION, Animation, motion_models


def check_second_model(guider: HostGuider) -> None:
    """Raises ValueError unless the second MODEL of a `guider` has the motion models of the first."""
    second = _second(guider)
    if second is None:
        return
    first_motions = motion_models(guider.model_patcher)
    second_motions = motion_models(second)
    if [motion.patches_uuid for motion in first_motions] != [motion.patches_uuid for motion in second_motions]:
        raise ValueError(
            f"{type(guider).__name__} predicts with two MODELs, but the motion models on model ({_names(first_motions)}) and "
            f"on model_negative ({_names(second_motions)}) differ. Connect both MODELs through Apply Motion Model with the "
            "same motion model and the same motion LoRAs."
        )


def about_second_model(animation: Animation, guider: HostGuider) -> Iterator[str]:
    """For the sampler's node: that other settings on the second MODEL do not act."""
    second = _second(guider)
    theirs = None if second is None else second.model_options.get("transformer_options", {}).get(ANIMATION)
    if theirs is not None and theirs is not animation:
        yield "The Kinema nodes on model_negative have no effect: ComfyUI samples it with those on model."


def _names(motions: Sequence[HostMotion]) -> str:
    return ", ".join(f'"{motion.get_attachment(FILE)}"' for motion in motions) or "no motion model"


def _second(guider: HostGuider) -> HostModel | None:
    """The MODEL with which a `guider` predicts for the negative prompt, where that is not its only one."""
    return getattr(guider, "uncond_model_patcher", None)
