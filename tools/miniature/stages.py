"""The stages that make the miniature's files, in order; each needs the ones before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from . import image, latents, load, vae, vocabulary
from .files import ship

STILLS = 3600
FIRST_STILL = 20_000_000

Stage = Callable[[Path, float], None]


def make_vocabulary(_: Path, __: float) -> None:
    vocabulary.write_tokenizer(load.FOLDER / "tokenizer")


def make_vae(folder: Path, stop_at: float) -> None:
    weights = vae.train(folder, stop_at)
    ship(load.FOLDER / load.VAE, weights, {"joint": asdict(vae.JOINT), "decoder": asdict(vae.DECODER)})


def make_image(folder: Path, stop_at: float) -> None:
    data = latents.stills(vae.encoder(folder, stop_at), folder, FIRST_STILL, STILLS)
    weights = image.train(data, folder, stop_at)
    ship(load.FOLDER / load.BASE, checkpoint(weights), {"image": asdict(image.PLAN), "stills": STILLS})


def checkpoint(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Training names → the keys of an SD1.5 checkpoint."""
    unet = {load.UNET_PREFIX + k.removeprefix("unet."): v for k, v in weights.items() if k.startswith("unet.")}
    text = {
        load.TEXT_PREFIX + k.removeprefix("text.clip_l."): v
        for k, v in weights.items()
        if k.startswith("text.clip_l.transformer.text_model.")
    }
    return unet | text


STAGES: dict[str, Stage] = {"vocabulary": make_vocabulary, "vae": make_vae, "image": make_image}
