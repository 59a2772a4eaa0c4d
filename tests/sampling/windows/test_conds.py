"""What is indexed by frame follows the window. The oracle is the host without windows: without a motion model it gives
every frame its own row of everything."""

import comfy.gligen
import comfy.hooks
import comfy.model_base
import comfy.model_patcher
import comfy.sample
import comfy.supported_models
import pytest
import tiny
import torch
from compare import assert_alike, assert_other

from kinema.sampling.run.attach import added
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

FRAMES = 7


@pytest.fixture(scope="module")
def plain(model):
    """What it gives without anything by frame."""
    return tiny.sample(model, frames=FRAMES, size=4)


def both(model, *, size=4, **more):
    """In three windows, two of them at once and one alone, and without windows."""
    cut = added(model, windows=ContextWindows(WindowSpec(3, 1), at_once=2))
    return [tiny.sample(m, frames=FRAMES, size=size, **more) for m in (cut, model)]


def assert_same(model, plain, **more):
    """In windows as without; and `more` matters at all."""
    ours, expected = both(model, **more)
    assert_alike(ours, expected)
    assert_other(expected, plain)


def prompts(frames=FRAMES, seed=3, **more):
    return [[torch.randn(frames, 5, tiny.CONTEXT, generator=tiny.generator(seed)), more]]


def masks(frames=FRAMES, seed=6):
    return torch.rand(frames, 4, 4, generator=tiny.generator(seed))


@pytest.mark.parametrize("count", [FRAMES, FRAMES - 3, FRAMES + 5])
def test_prompts_per_frame(model, plain, count):
    """Also more or fewer prompts than frames, which the host cuts off and repeats."""
    assert_same(model, plain, positive=prompts(count), negative=prompts(count, 4))


@pytest.mark.parametrize("count", [1, FRAMES])
def test_regional_prompts_with_masks_per_frame(model, plain, count):
    top = [prompts(seed=8)[0][0], {"mask": masks(count), "mask_strength": 0.8}]
    rest = [prompts(seed=9)[0][0], {"mask": 1 - masks(count), "mask_strength": 1.0}]
    assert_same(model, plain, positive=[top, rest])


def test_areas_with_prompts_per_frame(model, plain):
    assert_same(model, plain, positive=[*prompts(), *prompts(seed=8, area=(2, 4, 2, 0), strength=0.7)])


def test_noise_masks_per_frame(model, plain):
    latent = tiny.latents(FRAMES, 4)
    assert_same(model, plain, latent=latent, noise_mask=masks().round())


def test_noise_of_chosen_batch_indices(model, plain):
    empty = torch.zeros(FRAMES, 4, 4, 4)
    noise = comfy.sample.prepare_noise(empty, 5, [3, 1, 4, 1, 5, 9, 2])
    assert_same(model, plain, noise=noise)


def test_parts_of_the_run(model, plain):
    early, late = (
        prompts(seed=8, start_percent=0.0, end_percent=0.5),
        prompts(seed=9, start_percent=0.5, end_percent=1.0),
    )
    assert_same(model, plain, positive=[*early, *late], steps=4)


def test_image_prompts_of_packs_that_read_ad_params(model):
    """Also without a motion model."""
    rows = torch.randn(FRAMES, 2, tiny.CONTEXT, generator=tiny.generator(7))

    def more_tokens(q, k, v, options):
        chosen = options.get("ad_params", {}).get("sub_idxs")
        own = (rows if chosen is None else rows[chosen]).repeat(len(options["cond_or_uncond"]), 1, 1)
        return q, torch.cat([k, own], 1), torch.cat([v, own], 1)

    patched = model.clone()
    patched.set_model_attn2_patch(more_tokens)
    ours, expected = both(patched, size=8)
    assert_alike(ours, expected)
    assert_other(expected, tiny.sample(model, frames=FRAMES, size=8))


def other_model(kind, config):
    """MODEL of another host class, whose UNet takes more than latents and text."""
    base = kind(config, device="cpu").eval()
    unet, random = base.diffusion_model.double(), tiny.generator(0)
    unet.load_state_dict({k: tiny.randomise(tuple(w.shape), k, random) for k, w in unet.state_dict().items()})
    unet.dtype = torch.float64
    return comfy.model_patcher.CoreModelPatcher(
        base, load_device=torch.device("cpu"), offload_device=torch.device("cpu")
    )


def test_pooled_outputs_per_frame():
    config = comfy.supported_models.SDXL(
        tiny.unet_config("sdxl") | {"adm_in_channels": 2816, "num_classes": "sequential"}
    )
    sdxl = other_model(comfy.model_base.SDXL, config)
    pooled = [torch.randn(FRAMES, 1280, generator=tiny.generator(seed)) * 5 for seed in (7, 8)]
    ours, expected = both(sdxl, positive=prompts(pooled_output=pooled[0]), negative=prompts(4, pooled_output=pooled[1]))
    assert_alike(ours, expected)
    constant = [p[:1].expand(FRAMES, -1) for p in pooled]
    other = both(sdxl, positive=prompts(pooled_output=constant[0]), negative=prompts(4, pooled_output=constant[1]))[1]
    assert torch.allclose(other[0], expected[0]) and not torch.allclose(other[1], expected[1], atol=1e-2)


def test_pictures_and_masks_of_an_inpainting_model():
    inpaint = other_model(
        comfy.model_base.BaseModel, comfy.supported_models.SD15(tiny.unet_config("sd15") | {"in_channels": 9})
    )
    inpaint.model.set_inpaint()
    extra = {"concat_latent_image": tiny.latents(FRAMES, 4, seed=9), "concat_mask": masks()[:, None].round()}
    ours, expected = both(inpaint, positive=prompts(**extra), negative=prompts(4, **extra))
    assert_alike(ours, expected)


def test_lora_hooks_on_conditionings(model, plain):
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    random = tiny.generator(2)
    lora = {f"{name}.lora_{side}.weight": torch.randn(32, 4, generator=random) for side in ("up", "down")}
    lora[f"{name}.lora_down.weight"] = lora[f"{name}.lora_down.weight"].T
    assert_same(model, plain, positive=prompts(hooks=comfy.hooks.create_hook_lora(lora, 1.0, 0.0)))


def test_gligen_boxes(model, plain):
    """The host knows one set of boxes for the whole video; every window gets it."""
    widths = [32, 32, *[64] * 11, *[32] * 3]  # of the UNet's attentions, from input to output
    modules = [comfy.gligen.GatedSelfAttentionDense(width, 16, 8, width // 8) for width in widths]
    network = comfy.gligen.Gligen(modules, comfy.gligen.PositionNet(16, 16), 16).double().eval()
    random = tiny.generator(4)
    weights = {k: tiny.randomise(tuple(w.shape), k, random) for k, w in network.state_dict().items()}
    network.load_state_dict({k: torch.ones(w.shape) if "alpha" in k else w for k, w in weights.items()})
    cpu = torch.device("cpu")
    patcher = comfy.model_patcher.CoreModelPatcher(network, load_device=cpu, offload_device=cpu)
    box = (torch.randn(1, 16, generator=random).double(), 2, 2, 1, 1)
    assert_same(model, plain, positive=prompts(gligen=("position", patcher, [box])))
