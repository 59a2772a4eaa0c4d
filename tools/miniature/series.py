"""The animations that the report judges: of which models and files each is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinema.miniature import models
from kinema.motion.load import load_motion_model
from kinema.motion.lora import load_motion_lora
from kinema.sampling.latents.text2video_zero import MotionField
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import NOISE_SCHEDULES
from kinema.sampling.run.attach import attach, changed
from kinema.training.config import ABLATION

from . import ablation
from .world import Style


@dataclass(frozen=True)
class Series:
    """Clips of one model."""

    title: str  # first cell of its row in the report
    files: tuple[str, ...]  # that the model is made of: names in the miniature's folder, or whole paths
    model: Callable[[], Any]  # loads the MODEL
    count: int = 8  # clips that are judged
    style: Style = "day"  # that the pictures are expected to have


def series() -> dict[str, Series]:
    """Everything that is judged, by name."""
    plain, moving = (models.BASE,), (models.BASE, models.MOTION)
    return {
        "still": Series("without motion", plain, base),
        "motion": Series("with the motion model", moving, lambda: animated(base()), 64),
        "finetune": Series("style finetune", (*moving, models.NEON), lambda: animated(finetune()), 32, "neon"),
        "zoom": Series("zoom LoRA", (*moving, models.ZOOM), lambda: animated(base(), models.ZOOM)),
        "zero": Series("Text2Video-Zero", plain, lambda: changed(base(), motion_field=MotionField(), first_frame=True)),
        "lora": Series("style LoRA", (*moving, models.NEON_LORA), lambda: animated(styled()), style="neon"),
    }


def base() -> Any:
    return models.load_unet(str(models.FOLDER / models.BASE))


def finetune() -> Any:
    return models.load_unet(str(models.FOLDER / models.NEON))


def styled() -> Any:
    return models.load_miniature(lora=models.NEON_LORA)[0]


def animated(model: Any, lora: str | None = None) -> Any:
    motion = load_motion_model(models.FOLDER / models.MOTION)
    if lora is not None:
        motion = load_motion_lora(motion, models.FOLDER / lora, 1.0)
    return attach(model, motion, Applied())


def schedules(folder: Path) -> dict[str, Series]:
    """The motion models of the ablation, each sampled on the schedule it was trained on."""

    def model(letter: str) -> Any:
        (name,) = (name for name, row in NOISE_SCHEDULES.items() if row.schedule == ABLATION[letter].schedule)
        return attach(base(), load_motion_model(ablation.file(folder, letter)), Applied(), name)

    def one(letter: str) -> Series:
        return Series(
            ablation.TITLES[letter], (models.BASE, str(ablation.file(folder, letter))), lambda: model(letter), 16
        )

    return {f"schedule_{letter}": one(letter) for letter in ABLATION}
