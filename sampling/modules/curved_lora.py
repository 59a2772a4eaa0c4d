"""Motion LoRAs whose strengths vary over frames, steps and blocks: their layers run beside those of the motion model."""

from dataclasses import replace
from pathlib import Path

from ...motion.host import HostModel, HostMotion
from ...motion.lora_branches import LORAS, load_branches
from ..call.moment import Curve
from .applied import Applied


def load_curved_lora(motion: HostMotion, path: str | Path, strength: Curve) -> HostMotion:
    """A clone of `motion` (MOTION_MODEL) with the motion LoRA in `path`, as strong as `strength` says at every frame,
    step and block. Raises MotionFileError."""
    curved = motion.clone()
    loaded = load_branches(path, motion.model.spec)
    curved.set_attachments(LORAS, (*(motion.get_attachment(LORAS) or ()), (loaded, strength)))
    return curved


def with_loras(model: HostModel, motion: HostMotion, applied: Applied) -> Applied:
    """`applied` with the curved motion LoRAs of `motion`, which become additional models of `model` (MODEL, changed in
    place)."""
    there = list(model.get_additional_models_with_key(LORAS))
    loras = []
    for patcher, strength in motion.get_attachment(LORAS) or ():
        index = next((i for i, other in enumerate(there) if other.model is patcher.model), len(there))
        if index == len(there):
            there.append(patcher)
        loras.append((index, strength))
    if loras:
        model.set_additional_models(LORAS, there)
    return replace(applied, loras=tuple(loras))
