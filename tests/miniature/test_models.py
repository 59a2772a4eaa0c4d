"""The shipped files make host objects that sample, and say how they were made."""

import json

import comfy.sample
import comfy.sd
import comfy.utils
import latent_preview
import numpy as np
import pytest
import torch
from safetensors import safe_open

from kinema.miniature import models
from tools.miniature import vocabulary, world

needed = [models.BASE, models.VAE]


@pytest.fixture(scope="module")
def miniature() -> tuple:
    return models.load_miniature()


@pytest.mark.parametrize("name", needed)
def test_files_say_how_they_were_made(name: str) -> None:
    with safe_open(models.FOLDER / name, "pt") as file:
        metadata = file.metadata()
    assert metadata["kinema"] == "miniature" and metadata["commit"]
    assert all(
        "seed" in plan and "steps" in plan
        for plan in json.loads(metadata["settings"]).values()
        if isinstance(plan, dict)
    )


def test_all_files_fit_the_size_limit() -> None:
    assert sum(path.stat().st_size for path in models.FOLDER.rglob("*") if path.is_file()) <= 36_000_000


def test_every_word_of_the_world_is_one_token() -> None:
    tokenizer = models.MiniatureTokenizer().clip_l.tokenizer
    words = {*vocabulary.WORDS, *(word for name in world.BACKGROUNDS for word in name.split())}
    assert {word: len(tokenizer(word)["input_ids"]) for word in words} == dict.fromkeys(words, 3)
    assert tokenizer.decode(tokenizer("Ein Fisch, größer!")["input_ids"], skip_special_tokens=True).strip()


def test_text_encoder_reads_prompt_weights(miniature: tuple) -> None:
    _, clip, _ = miniature
    plain, weighted = (
        clip.encode_from_tokens_scheduled(clip.tokenize(text))[0][0]
        for text in ("a red fish swimming left", "a (red:1.5) fish swimming left")
    )
    assert plain.shape == (1, 77, 64) and torch.isfinite(plain).all()
    assert not torch.equal(plain, weighted)


def test_the_unet_has_the_structure_of_sd15(miniature: tuple) -> None:
    model, _, _ = miniature
    unet = model.model.diffusion_model
    attended = {i for i, block in enumerate(unet.input_blocks) if len(block) > 1}
    assert len(unet.input_blocks) == len(unet.output_blocks) == 12
    assert attended == {1, 2, 4, 5, 7, 8}
    assert [len(block) for block in unet.output_blocks] == [1, 1, 2, 2, 2, 3, 2, 2, 3, 2, 2, 2]


def test_vae_latents_have_unit_variance_for_the_unet(miniature: tuple) -> None:
    model, _, vae = miniature
    pictures = torch.stack([torch.from_numpy(world.still(800_000 + i)[0]) for i in range(4)]).float() / 255
    encoded = vae.encode(pictures)
    latents = model.model.process_latent_in(encoded)
    assert latents.shape == (4, 4, 16, 16)
    assert 0.7 < latents.std() < 1.4 and latents.mean().abs() < 0.4
    error = (vae.decode(encoded) - pictures).square().mean()
    assert -10 * torch.log10(error) > 28  # PSNR in dB


def test_previews_have_the_colours_of_the_pictures(miniature: tuple) -> None:
    """The host's preview without a decoder, compared with the means of 8 x 8 pixels; the colours of SD1.5 are off by 49."""
    model, _, vae = miniature
    pictures = torch.stack([torch.from_numpy(world.still(810_000 + i)[0]) for i in range(8)]).float()
    latents = model.model.process_latent_in(vae.encode(pictures / 255))
    colours = model.model.latent_format
    previewer = latent_preview.Latent2RGBPreviewer(colours.latent_rgb_factors, colours.latent_rgb_factors_bias)
    shown = np.stack([np.asarray(previewer.decode_latent_to_preview(latent[None])) for latent in latents])
    means = torch.nn.functional.avg_pool2d(pictures.movedim(-1, 1), 8).movedim(1, -1)
    assert np.abs(shown - means.numpy()).mean() < 25


def test_samples_with_the_hosts_sampler(miniature: tuple) -> None:
    model, clip, _ = miniature
    prompt, nothing = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red fish", ""))
    noise = comfy.sample.prepare_noise(torch.zeros(1, 4, 16, 16), 1)
    latent = comfy.sample.sample(
        model, noise, 4, 4.0, "euler", "normal", prompt, nothing, torch.zeros(1, 4, 16, 16), seed=1, disable_pbar=True
    )
    assert latent.shape == (1, 4, 16, 16) and torch.isfinite(latent).all()
