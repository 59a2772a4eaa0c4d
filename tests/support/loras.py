"""Motion LoRAs in the published names, what they make of the weights, and what motion modules then answer."""

import comfy.model_management
import tiny
import torch

RANK = 4
PARTS = ("to_q", "to_k", "to_v", "to_out")


def official(mid=True, widths=tiny.SD15_WIDTHS, seed=3):
    """A motion LoRA in the published names: 2 tensors for each of 4 layers of 2 attentions of every module."""
    random, lora = tiny.generator(seed), {}
    for place, width in tiny.module_places(widths, mid).items():
        for i in (0, 1):
            for part in PARTS:
                stem = f"{place}.temporal_transformer.transformer_blocks.0.attention_blocks.{i}.processor.{part}_lora"
                lora[f"{stem}.down.weight"] = torch.randn(RANK, width, generator=random) / 8
                lora[f"{stem}.up.weight"] = torch.randn(width, RANK, generator=random) / 8
    return lora


def merged(weights, lora, strength, scale=1.0):
    result = dict(weights)
    for key, up in lora.items():
        if key.endswith("up.weight"):
            target = key.replace(".processor", "").replace("to_out_lora.up", "to_out.0").replace("_lora.up", "")
            if target in result:
                result[target] = result[target] + strength * scale * (
                    up @ lora[key.replace("up.weight", "down.weight")]
                )
    return result


def module_outputs(motion):
    """What every motion module makes of the same input, with the host's patches in effect."""
    comfy.model_management.load_models_gpu([motion])
    return outputs_now(motion)


def outputs_now(motion):
    outputs = {}
    for place, width in motion.model.spec.modules:
        x = torch.randn(4, width, 3, 3, generator=tiny.generator(0))
        outputs[place] = motion.model.at(place)(x, 4)
    return outputs
