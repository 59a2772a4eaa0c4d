"""The miniature's image model: a 64-channel UNet of SD1.5's structure and its text encoder, trained together.

Objective: noise prediction (Ho et al. 2020, eq. 14) on the host's SD1.5 schedule (scaled-linear betas 0.00085 to
0.012), with captions dropped at random for classifier-free guidance (Ho & Salimans 2022). Noisy timesteps
weigh more, by 1 + sigma² up to a limit as in Karras et al. 2022 (table 1): there the prompt decides what is drawn and where
it faces, and the plain loss, small there, teaches it slowly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import comfy.clip_model
import comfy.model_sampling
import comfy.ops
import torch
import torch.nn.functional as F
from comfy.ldm.modules.attention import SpatialTransformer
from comfy.ldm.modules.diffusionmodules.openaimodel import ResBlock, UNetModel

from kinema.miniature.models import UNET_CONFIG, MiniatureConfig, MiniatureTextEncoder, MiniatureTokenizer

from .host import autocast, device
from .init import initialise
from .latents import Stills
from .loop import Plan, fit

PLAN = Plan("image", steps=4200, lr=1e-3, warmup=80, seed=3, ema=0.997)
BATCH = 16
DROPPED = 0.1  # captions
MIDDLE = 0.6  # how much more often middle timesteps are drawn, where the fish takes its shape: 2.5 times at t = 500
HEAVIEST = 20.0  # weight of a noisy timestep
FISH = 3.0  # weight of the fish's cells while its place can be seen through the noise
VISIBLE = 4.0  # the sigma up to which it can
READ_OUT = 0.1  # weight of the direction's read-out


class _Layer(comfy.clip_model.CLIPLayer):  # type: ignore[misc]
    """The host's layer adds in place, which backpropagation cannot undo."""

    def forward(
        self, x: torch.Tensor, mask: torch.Tensor | None = None, optimized_attention: object = None
    ) -> torch.Tensor:
        x = x + self.self_attn(self.layer_norm1(x), mask, optimized_attention)
        x = x + self.mlp(self.layer_norm2(x))
        return x


class Texts:
    """Captions to the UNet's context, with gradients."""

    def __init__(self, encoder: MiniatureTextEncoder) -> None:
        self.encoder = encoder
        self.tokenizer = MiniatureTokenizer()
        for layer in encoder.clip_l.transformer.text_model.encoder.layers:
            layer.__class__ = _Layer

    def __call__(self, captions: list[str]) -> torch.Tensor:
        """(n, 77, 64)"""
        unique = sorted(set(captions))
        weighted = (self.tokenizer.tokenize_with_weights(caption)["l"][0] for caption in unique)
        tokens = [[token for token, _ in row] for row in weighted]
        context: torch.Tensor = self.encoder.clip_l(tokens)[0]
        return context[[unique.index(caption) for caption in captions]]


def new_unet(seed: int) -> UNetModel:
    """A trainable UNet with the usual initial weights: the last layer of every branch is zero."""
    config = UNET_CONFIG | MiniatureConfig.unet_extra_config
    unet = UNetModel(**config, dtype=torch.float32, operations=comfy.ops.disable_weight_init)
    initialise(unet, seed)
    for module in unet.modules():
        if isinstance(module, ResBlock):
            torch.nn.init.zeros_(module.out_layers[-1].weight)
        if isinstance(module, SpatialTransformer):
            torch.nn.init.zeros_(module.proj_out.weight)
    torch.nn.init.zeros_(unet.out[-1].weight)
    return unet.to(device())


def new_text_encoder(seed: int) -> MiniatureTextEncoder:
    encoder = MiniatureTextEncoder(
        dtype=torch.float32, model_options={"custom_operations": comfy.ops.disable_weight_init}
    )
    initialise(encoder, seed)
    embeddings = encoder.clip_l.transformer.text_model.embeddings
    with torch.no_grad():
        embeddings.token_embedding.weight.mul_(0.3)
        embeddings.position_embedding.weight.mul_(0.1)
    encoder.clip_l.transformer.requires_grad_(True)
    encoder.clip_l.transformer.text_projection.requires_grad_(False)
    placed: MiniatureTextEncoder = encoder.to(device())
    return placed


def train(data: Stills, folder: Path, stop_at: float) -> dict[str, torch.Tensor]:
    """Returns the averaged weights with prefixes `unet.` and `text.`."""
    text_encoder = new_text_encoder(12)
    parts = torch.nn.ModuleDict({"unet": new_unet(11), "text": text_encoder})
    objective = NoisePrediction(data)
    texts = Texts(text_encoder)
    return fit(PLAN, parts, lambda step, rng: objective.loss(parts["unet"], texts, rng), folder, stop_at)


class NoisePrediction:
    """The objective on a set of stills."""

    def __init__(self, data: Stills) -> None:
        self.data = data
        sigmas = comfy.model_sampling.ModelSamplingDiscrete(MiniatureConfig()).sigmas
        self.sigmas = sigmas
        self.signal = (1 / (1 + sigmas**2)).float()  # alpha_bar, (1000,)
        self.weight = (1 + sigmas**2).clamp(max=HEAVIEST).float()

    def timesteps(self, spread: torch.Tensor) -> torch.Tensor:
        """Uniform numbers u in [0, 1) to timesteps of density 1 / (1 + MIDDLE cos(2 pi u))."""
        bent = spread + MIDDLE * torch.sin(2 * math.pi * spread) / (2 * math.pi)
        return (len(self.signal) * bent).long().clamp(0, len(self.signal) - 1)

    def loss(self, unet: UNetModel, texts: Texts, rng: torch.Generator) -> torch.Tensor:
        chosen = torch.randint(len(self.data.latents), (BATCH,), generator=rng)
        clean = self.data.latents[chosen]
        noise = torch.randn(clean.shape, generator=rng)
        spread = (torch.arange(BATCH) + torch.rand(BATCH, generator=rng)) / BATCH  # stratified over the batch
        timestep = self.timesteps(spread)
        signal = self.signal[timestep][:, None, None, None]
        noisy = signal.sqrt() * clean + (1 - signal).sqrt() * noise
        drop = torch.rand(BATCH, generator=rng) < DROPPED
        captions = ["" if d else self.data.captions[i] for i, d in zip(chosen.tolist(), drop.tolist(), strict=True)]
        context = texts(captions)
        with autocast():
            predicted = unet(
                noisy.to(device()),
                timestep.float().to(device()),
                context=context,
                transformer_options={"optimized_attention_override": _attend_in_float},
            )
        error = (predicted.float() - noise.to(device())).square().mean(1)
        seen = (self.sigmas[timestep] < VISIBLE).float()[:, None, None]
        weight = self.weight[timestep][:, None, None] * (1 + (FISH - 1) * seen * self.data.fish[chosen])
        noise_loss: torch.Tensor = (error * weight.to(device())).mean()
        return noise_loss + READ_OUT * direction_loss(context, captions)


def direction_loss(context: torch.Tensor, captions: list[str]) -> torch.Tensor:
    """Logistic loss of reading "left" or "right" off the mean of the context, along one fixed axis.

    Facing changes the fewest pixels, so its word is learned last and drowns among 77 tokens; this lifts it out.
    """
    axis = F.normalize(torch.randn(context.shape[-1], generator=torch.Generator().manual_seed(0)), dim=0)
    side = torch.tensor([("right" in caption) - ("left" in caption) for caption in captions], device=context.device)
    reading = 4 * (context.mean(1) @ axis.to(context))
    return (F.softplus(-side * reading) * side.abs()).mean()


def _attend_in_float(
    attend: Callable[..., torch.Tensor],
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    *args: object,
    **kwargs: object,
) -> torch.Tensor:
    """The host's hook around attention: on a CPU torch's bfloat16 attention takes twice the time of float32's."""
    if q.device.type != "cpu":
        return attend(q, k, v, *args, **kwargs)
    with torch.autocast("cpu", enabled=False):
        return attend(q.float(), k.float(), v.float(), *args, **kwargs)
