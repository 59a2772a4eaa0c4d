"""The host's own VAE and CLIP with random weights: the tiny autoencoder, and a text encoder one layer deep."""

from typing import Any

import comfy.sd
import comfy.sd1_clip
import comfy.supported_models_base
import comfy.taesd.taesd
import tiny
import torch


def vae(seed: int = 1) -> comfy.sd.VAE:
    shapes = comfy.taesd.taesd.TAESD().state_dict()
    random = tiny.generator(seed)
    return comfy.sd.VAE(sd={k: tiny.randomise(tuple(w.shape), k, random) if w.ndim else w for k, w in shapes.items()})


TEXT = {
    "num_hidden_layers": 1, "hidden_size": tiny.CONTEXT, "num_attention_heads": 2, "intermediate_size": 64,
    "hidden_act": "quick_gelu", "max_position_embeddings": 77, "eos_token_id": 49407,
}  # fmt: skip


class TextEncoder(comfy.sd1_clip.SDClipModel):
    def __init__(self, device: Any = "cpu", dtype: Any = None, model_options: Any = None) -> None:
        super().__init__(device=device, dtype=dtype, textmodel_json_config=TEXT, model_options=model_options or {})


class Text(comfy.sd1_clip.SD1ClipModel):
    def __init__(self, device: Any = "cpu", dtype: Any = None, model_options: Any = None) -> None:
        super().__init__(device=device, dtype=dtype, model_options=model_options or {}, clip_model=TextEncoder)


def clip() -> comfy.sd.CLIP:
    target = comfy.supported_models_base.ClipTarget(comfy.sd1_clip.SD1Tokenizer, Text)
    made = comfy.sd.CLIP(target, parameters=1_600_000)
    random = tiny.generator(5)
    weights = made.cond_stage_model.state_dict()
    for key, weight in weights.items():
        if torch.is_floating_point(weight) and weight.ndim:
            weight.copy_(tiny.randomise(tuple(weight.shape), key, random))
    return made
