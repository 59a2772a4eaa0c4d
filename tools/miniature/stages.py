"""The stages that make the miniature's files; order.py says which needs which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file

from kinema.miniature import models

from . import controls, image, latents, motion, style, vae, vocabulary
from .files import ship

STILLS = 3600
FIRST_STILL = 20_000_000
NEON_STILLS = 1000
FIRST_NEON_STILL = 30_000_000

Stage = Callable[[Path, float], None]


def make_vocabulary(_: Path, __: float) -> None:
    vocabulary.write_tokenizer(models.FOLDER / "tokenizer")


def make_vae(folder: Path, stop_at: float) -> None:
    weights = vae.train(folder, stop_at)
    ship(models.FOLDER / models.VAE, weights, {"joint": asdict(vae.JOINT), "decoder": asdict(vae.DECODER)})


def make_image(folder: Path, stop_at: float) -> None:
    data = latents.stills(vae.shipped_encoder, folder, FIRST_STILL, STILLS)
    weights = image.train(data, folder, stop_at)
    ship(models.FOLDER / models.BASE, checkpoint(weights), {"image": asdict(image.PLAN), "stills": STILLS})


def make_clips(folder: Path, _: float) -> None:
    encoder = models.load_vae(str(models.FOLDER / models.VAE))
    for drawn in (motion.CLIPS, motion.ZOOMED, controls.ANYWHERE):
        motion.encode(drawn, encoder, folder)


def make_motion(folder: Path, stop_at: float) -> None:
    motion.make_model(*models.load_miniature()[:2], folder, stop_at)


def make_zoom(folder: Path, stop_at: float) -> None:
    motion.make_zoom(*models.load_miniature()[:2], folder, stop_at)


def make_sparsectrl(folder: Path, stop_at: float) -> None:
    controls.make_sparsectrl(*models.load_miniature()[:2], folder, stop_at)


def make_neon(folder: Path, stop_at: float) -> None:
    """The finetune, stored as float8 to keep the whole small."""
    weights = style.train_finetune(_base(), _neon(folder), folder, stop_at)
    ship(models.FOLDER / models.NEON, checkpoint(weights), {"finetune": asdict(style.FINETUNE)}, torch.float8_e4m3fn)


def make_neon_lora(folder: Path, stop_at: float) -> None:
    weights = style.train_lora(_base(), _neon(folder), folder, stop_at)
    ship(models.FOLDER / models.NEON_LORA, weights, {"lora": asdict(style.LORA), "rank": style.RANK})


def _neon(folder: Path) -> latents.Stills:
    return latents.stills(vae.shipped_encoder, folder, FIRST_NEON_STILL, NEON_STILLS, "neon")


def _base() -> dict[str, torch.Tensor]:
    """The shipped image model with the names it has in training: the opposite of `checkpoint`."""
    weights = load_file(models.FOLDER / models.BASE)
    names = {models.UNET_PREFIX: "unet.", models.TEXT_PREFIX: "text.clip_l."}
    return {
        names[prefix] + key.removeprefix(prefix): value.float()
        for key, value in weights.items()
        for prefix in names
        if key.startswith(prefix)
    }


def checkpoint(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Training names to the keys of an SD1.5 checkpoint."""
    unet = {models.UNET_PREFIX + k.removeprefix("unet."): v for k, v in weights.items() if k.startswith("unet.")}
    text = {
        models.TEXT_PREFIX + k.removeprefix("text.clip_l."): v
        for k, v in weights.items()
        if k.startswith("text.clip_l.transformer.text_model.")
    }
    return unet | text


def make_ablation(folder: Path, stop_at: float) -> None:
    from . import ablation

    ablation.make(folder, stop_at)


def make_report(folder: Path, stop_at: float) -> None:
    from . import report

    report.make(folder, stop_at)


def make_pictures(folder: Path, stop_at: float) -> None:
    from . import pictures

    pictures.make(folder, stop_at)


def make_effects(folder: Path, stop_at: float) -> None:
    from . import effects

    effects.make(folder, stop_at)


STAGES: dict[str, Stage] = {
    "vocabulary": make_vocabulary,
    "vae": make_vae,
    "clips": make_clips,
    "image": make_image,
    "motion": make_motion,
    "zoom": make_zoom,
    "sparsectrl": make_sparsectrl,
    "neon": make_neon,
    "neon_lora": make_neon_lora,
    "ablation": make_ablation,
    "report": make_report,
    "effects": make_effects,
    "pictures": make_pictures,
}
