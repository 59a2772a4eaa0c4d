"""The stages that make the miniature's files, in order; each needs the ones before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import comfy.sd
import comfy.utils
import torch

from . import image, latents, load, style, vae, vocabulary
from .files import ship

STILLS = 3600
FIRST_STILL = 20_000_000
NEON_STILLS = 1000
FIRST_NEON_STILL = 30_000_000
NEON_LORA = "miniature_neon_lora.safetensors"

Stage = Callable[[Path, float], None]


def make_vocabulary(_: Path, __: float) -> None:
    vocabulary.write_tokenizer(load.FOLDER / "tokenizer")


def make_vae(folder: Path, stop_at: float) -> None:
    weights = vae.train(folder, stop_at)
    ship(load.FOLDER / load.VAE, weights, {"joint": asdict(vae.JOINT), "decoder": asdict(vae.DECODER)})


def make_image(folder: Path, stop_at: float) -> None:
    data = latents.stills(lambda: vae.encoder(folder, stop_at), folder, FIRST_STILL, STILLS)
    weights = image.train(data, folder, stop_at)
    ship(load.FOLDER / load.BASE, checkpoint(weights), {"image": asdict(image.PLAN), "stills": STILLS})


def make_neon(folder: Path, stop_at: float) -> None:
    """The full finetune, stored as float8 to keep the whole small."""
    weights = style.train_finetune(_base(folder), _neon(folder, stop_at), folder, stop_at)
    ship(load.FOLDER / load.NEON, checkpoint(weights), {"finetune": asdict(style.FINETUNE)}, torch.float8_e4m3fn)


def make_neon_lora(folder: Path, stop_at: float) -> None:
    weights = style.train_lora(_base(folder), _neon(folder, stop_at), folder, stop_at)
    ship(load.FOLDER / NEON_LORA, weights, {"lora": asdict(style.LORA), "rank": style.RANK})


def judge_all(folder: Path, _: float) -> None:
    """Scores and contact sheets of what is there, into the cache."""
    from . import judge

    model, clip, vae_model = load.load_miniature()
    print(judge.report(model, clip, vae_model, folder, "judge_base"), flush=True)
    if (load.FOLDER / load.NEON).exists():
        finetune = load.load_unet(str(load.FOLDER / load.NEON))
        print(judge.report(finetune, clip, vae_model, folder, "judge_neon", "neon"), flush=True)
    if (load.FOLDER / NEON_LORA).exists():
        lora = comfy.utils.load_torch_file(str(load.FOLDER / NEON_LORA))
        styled, _ = comfy.sd.load_lora_for_models(model, None, lora, 1.0, 0.0)
        print(judge.report(styled, clip, vae_model, folder, "judge_neon_lora", "neon"), flush=True)


def _neon(folder: Path, stop_at: float) -> latents.Stills:
    return latents.stills(lambda: vae.encoder(folder, stop_at), folder, FIRST_NEON_STILL, NEON_STILLS, "neon")


def _base(folder: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = torch.load(folder / f"{image.PLAN.name}.pt", map_location="cpu")["average"]
    return weights


def checkpoint(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Training names → the keys of an SD1.5 checkpoint."""
    unet = {load.UNET_PREFIX + k.removeprefix("unet."): v for k, v in weights.items() if k.startswith("unet.")}
    text = {
        load.TEXT_PREFIX + k.removeprefix("text.clip_l."): v
        for k, v in weights.items()
        if k.startswith("text.clip_l.transformer.text_model.")
    }
    return unet | text


STAGES: dict[str, Stage] = {
    "vocabulary": make_vocabulary,
    "vae": make_vae,
    "image": make_image,
    "neon": make_neon,
    "neon_lora": make_neon_lora,
    "judge": judge_all,
}
