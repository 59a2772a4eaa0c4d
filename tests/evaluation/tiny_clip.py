"""Tiny real CLIP models, made by seed, in the host's own classes."""

import json

import comfy.clip_vision
import comfy.sd
import comfy.sd1_clip
import comfy.sdxl_clip
import comfy.utils
import safetensors.torch
import tiny

WIDTH = 24

VISION = {
    "model_type": "clip_vision_model", "hidden_size": 32, "projection_dim": WIDTH, "num_hidden_layers": 2,
    "num_attention_heads": 2, "intermediate_size": 48, "hidden_act": "gelu", "image_size": 28, "patch_size": 7,
    "num_channels": 3,
}  # fmt: skip

TEXT = {
    "hidden_size": WIDTH, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32,
    "hidden_act": "gelu", "max_position_embeddings": 77, "eos_token_id": 49407,
}  # fmt: skip


def vision(folder, **changes):
    """CLIP_VISION."""
    (folder / "clip_vision.json").write_text(json.dumps(VISION | changes))
    model = comfy.clip_vision.ClipVisionModel(str(folder / "clip_vision.json"))
    random = tiny.generator(0)
    shapes = {key: tuple(weight.shape) for key, weight in model.get_sd().items()}
    model.load_sd({key: tiny.randomise(shape, key, random) for key, shape in shapes.items()})
    return model


class Target:
    """What the host's loaders give to its CLIP class."""

    def __init__(self, clip, tokenizer):
        self.clip, self.tokenizer, self.params = clip, tokenizer, {}


def text(kind="g"):
    """CLIP: "g" like the one SDXL uses, with a projection, "l" like the one of SD1.5 checkpoints, without."""
    target = {
        "g": Target(comfy.sdxl_clip.SDXLRefinerClipModel, comfy.sdxl_clip.SDXLTokenizer),
        "l": Target(comfy.sd1_clip.SD1ClipModel, comfy.sd1_clip.SD1Tokenizer),
    }[kind]
    clip = comfy.sd.CLIP(target, model_options={f"clip_{kind}_model_config": TEXT})
    random = tiny.generator(1)
    shapes = {key: tuple(weight.shape) for key, weight in clip.cond_stage_model.state_dict().items()}
    clip.cond_stage_model.load_state_dict({key: tiny.randomise(shape, key, random) for key, shape in shapes.items()})
    return clip


def text_file(folder, projection):
    """CLIP: CLIP-L as the host's loader leaves it, with the `projection` (WIDTH, WIDTH) of its file or without one. The
    loader itself takes no other size than that of the real one."""
    clip, file = text("l"), folder / "clip_l.safetensors"
    weights = clip.cond_stage_model.clip_l.transformer.state_dict()
    weights.pop("text_projection.weight")
    if projection is not None:
        weights["text_projection.weight"] = projection
    safetensors.torch.save_file(weights, file)
    clip.load_sd(comfy.utils.load_torch_file(str(file), safe_load=True))
    clip.patcher.cached_patcher_init = (comfy.sd.load_clip_model_patcher, ([str(file)],))
    return clip
