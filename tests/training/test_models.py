"""Training in what people have: SDXL with its pooled text and sizes, v-prediction, half precision, one LoRA on the model."""

from dataclasses import replace

import comfy.latent_formats
import comfy.model_base
import comfy.model_patcher
import comfy.supported_models
import pytest
import tiny
import torch
from training.moving import clips

from kinema.motion.families import FAMILIES
from kinema.motion.spec import SDXL_SCHEDULE
from kinema.training.clips import Clip, Clips
from kinema.training.config import TrainSettings
from kinema.training.learner import start_new
from kinema.training.loop import train

HOW = TrainSettings(steps=2, learning_rate=1e-3, average=0.0, automatic_checkpointing=False)


def losses(model, data, how=HOW):
    return torch.tensor(train(model, start_new(model, 1), data, how).losses)


def sdxl():
    """MODEL: the host's own SDXL class around a tiny UNet that takes in pooled text and sizes."""
    config = comfy.supported_models.SDXL(
        tiny.unet_config("sdxl") | {"adm_in_channels": 2816, "num_classes": "sequential"}
    )
    model = comfy.model_base.SDXL(config, device="cpu")
    unet = model.diffusion_model
    unet.load_state_dict(
        {k: tiny.randomise(tuple(w.shape), k, tiny.generator(1)) for k, w in unet.state_dict().items()}
    )
    return comfy.model_patcher.ModelPatcher(model, load_device=torch.device("cpu"), offload_device=torch.device("cpu"))


def pooled(seed):
    text = tiny.conditioning(seed)[0][0]
    return [[text, {"pooled_output": torch.randn(1, 1280, generator=tiny.generator(seed))}]]


def test_sdxl_with_pooled_text():
    model, latents = sdxl(), tiny.latents(4, seed=1)
    how = replace(HOW, caption_dropout=0.0)
    learner = start_new(model, 1)
    assert how.schedule(FAMILIES["sdxl"]) == SDXL_SCHEDULE
    assert learner.motion.spec.family.name == "sdxl" and len(learner.motion.spec.modules) == 15
    one, other = (Clips((Clip(latents, pooled(seed)),), pooled(9)) for seed in (3, 4))
    same_text = Clips((Clip(latents, [[pooled(3)[0][0], pooled(4)[0][1]]]),), pooled(9))
    assert not torch.equal(losses(model, one, how), losses(model, other, how))
    assert not torch.equal(losses(model, one, how), losses(model, same_text, how))


def test_v_prediction():
    assert not torch.allclose(
        losses(tiny.image_model("small", v_prediction=True), clips()), losses(tiny.image_model("small"), clips())
    )


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_mixed_precision_stays_near_fp32(precision):
    model = tiny.image_model("small")
    full = losses(model, clips())
    how = replace(HOW, precision=precision)
    learner = start_new(model, 1)
    done = train(model, learner, clips(), how)
    assert torch.allclose(torch.tensor(done.losses), full, rtol=0.03) and done.losses != full.tolist()
    assert all(value.dtype == torch.float32 for value in done.values.values())


def test_a_lora_on_the_model_acts_in_training():
    model = tiny.image_model("small")
    styled = model.clone()
    key = "diffusion_model.input_blocks.1.1.proj_in.weight"
    before = model.model.state_dict()[key].clone()
    styled.add_patches({key: (torch.randn(before.shape, generator=tiny.generator(1)),)}, 1.0)
    assert not torch.allclose(losses(styled, clips()), losses(model, clips()), rtol=1e-3)
    assert torch.equal(model.model.state_dict()[key], before)
