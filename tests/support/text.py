"""A tiny real text encoder: the host's CLIP class and tokenizer around two layers with random weights."""

from typing import Any

import comfy.sd
import comfy.sd1_clip
import comfy.supported_models_base
import tiny

CONFIG = {"hidden_size": tiny.CONTEXT, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def clip(seed: int = 0) -> Any:
    target = comfy.supported_models_base.ClipTarget(comfy.sd1_clip.SD1Tokenizer, comfy.sd1_clip.SD1ClipModel)
    made = comfy.sd.CLIP(target, model_options={"clip_l_model_config": CONFIG})
    random, model = tiny.generator(seed), made.cond_stage_model
    weights = {k: tiny.randomise(tuple(w.shape), k, random) for k, w in model.state_dict().items()}
    model.load_state_dict(weights)
    return made


def encode(encoder: Any, text: str) -> list[Any]:
    """What the host's CLIP Text Encode gives: [tokens (1, t, c), {"pooled_output": (1, c), ...}]."""
    ((tokens, extra),) = encoder.encode_from_tokens_scheduled(encoder.tokenize(text))
    return [tokens, extra]
