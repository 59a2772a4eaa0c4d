"""The host's own nodes that people chain with animation: each keeps its effect, wherever it stands in the chain.

docs/neighbours.md tells what was tried here.
"""

from collections.abc import Callable
from typing import Any

import comfy.hooks
import comfy.sd
import comfy.utils
import controls
import exact
import pytest
import tiny
import torch
from comfy_extras.nodes_attention_multiply import UNetCrossAttentionMultiply
from comfy_extras.nodes_freelunch import FreeU_V2
from comfy_extras.nodes_hypertile import HyperTile
from comfy_extras.nodes_model_downscale import PatchModelAddDownscale
from comfy_extras.nodes_pag import PerturbedAttentionGuidance
from comfy_extras.nodes_sag import SelfAttentionGuidance
from comfy_extras.nodes_tomesd import TomePatchModel
from compare import assert_alike, assert_other

from kinema.motion.load import load_motion_model
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.run.attach import added, attach
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

FRAMES = 3
SIZE = 8  # latent cells
LARGE = 16  # smaller pictures have nothing to tile or merge
Patch = Callable[[Any], Any]


def by(node: Any, **inputs: Any) -> Patch:
    """The node's patch, as the host applies it."""
    return lambda model: node.execute(model, **inputs)[0]


def image_prompt(model: Any) -> Any:
    """What image-prompt packs do: attn2 gets tokens of its own, one row for each frame that is computed."""

    def more_tokens(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, options: dict[str, Any]) -> Any:
        own = torch.ones(k.shape[0], 2, k.shape[2]) * torch.linspace(0, 1, k.shape[0])[:, None, None]
        return q, torch.cat([k, own], 1), torch.cat([v, own], 1)

    patched = model.clone()
    patched.set_model_attn2_patch(more_tokens)
    return patched


def lora(model: Any) -> Any:
    return comfy.sd.load_lora_for_models(model, None, tiny.lora(model), 1.0, 0.0)[0]


PATCHES: dict[str, Patch] = {
    "LoRA": lora,
    "FreeU": by(FreeU_V2, b1=1.3, b2=1.4, s1=0.9, s2=0.2),
    "PAG": by(PerturbedAttentionGuidance, scale=3.0),
    "SAG": by(SelfAttentionGuidance, scale=0.5, blur_sigma=2.0),
    "ToMe": by(TomePatchModel, ratio=0.5),
    "HyperTile": by(HyperTile, tile_size=64, swap_size=2, max_depth=0, scale_depth=False),
    "downscale": by(
        PatchModelAddDownscale, block_number=3, downscale_factor=2.0, start_percent=0.0, end_percent=1.0,
        downscale_after_skip=True, downscale_method="bicubic", upscale_method="bicubic",
    ),
    "attention": by(UNetCrossAttentionMultiply, q=1.0, k=1.2, v=1.0, out=0.9),
    "image prompt": image_prompt,
}  # fmt: skip


ON_LARGE = ("FreeU", "PAG", "SAG", "ToMe", "HyperTile", "downscale")


def control() -> Any:
    net = controls.control_net().set_cond_hint(controls.hints(FRAMES, 8 * SIZE), 0.8, (0.0, 1.0))
    return controls.controlled(net)


def hooked() -> Any:
    hooks = comfy.hooks.create_hook_lora(tiny.lora(tiny.image_model()), 1.0, 0.0)
    return comfy.hooks.set_hooks_for_conditioning(tiny.conditioning(3), hooks)


def regional() -> Any:
    """Another prompt in the left half."""
    left = torch.zeros(1, 8 * SIZE, 8 * SIZE)
    left[..., : 4 * SIZE] = 1
    return [
        *tiny.conditioning(3),
        [tiny.conditioning(9)[0][0], {"mask": left, "mask_strength": 1.0, "set_area_to_bounds": False}],
    ]


PROMPTS: dict[str, Callable[[], Any]] = {"ControlNet": control, "LoRA by hook": hooked, "masked prompt": regional}


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny.image_model()


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_motion_model(
        tiny.save(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("motion") / "mm.safetensors")
    )


@pytest.fixture(scope="module")
def animated(model: Any, motion: Any) -> Any:
    return attach(model, motion, Applied())


@pytest.fixture(scope="module")
def moving(animated: Any) -> dict[int, torch.Tensor]:
    """What it gives by itself at each size."""
    return {size: sampled(animated, size) for size in (SIZE, LARGE)}


def off(model: Any, motion: Any) -> Any:
    """`model` with the motion model at strength 0."""
    return attach(model, motion, Applied(strength=0.0), KEEP)


def sampled(model: Any, size: int = SIZE, steps: int = 1, **more: Any) -> torch.Tensor:
    torch.manual_seed(0)  # some patches draw from the global generator
    return tiny.sample(model, FRAMES, size=size, steps=steps, **more)


@pytest.mark.parametrize("name", PATCHES)
def test_both_have_their_effect_in_either_order(
    name: str, model: Any, motion: Any, animated: Any, moving: dict[int, torch.Tensor]
) -> None:
    """And motion of strength 0 leaves the patch alone."""
    patch, size = PATCHES[name], LARGE if name in ON_LARGE else SIZE
    before, patched = sampled(attach(patch(model), motion, Applied()), size), sampled(patch(model), size)
    assert before.isfinite().all()
    torch.testing.assert_close(before, sampled(patch(animated), size))
    assert not torch.allclose(before, moving[size], atol=1e-3), "the patch has no effect"
    assert not torch.allclose(before, patched, atol=1e-3), "motion has no effect"
    assert torch.equal(sampled(off(patch(model), motion), size), patched)


def test_nothing_of_a_patch_stays_on_the_model(model: Any, motion: Any) -> None:
    """Two chains: FreeU and SAG fail on what the downscale leaves of so small a picture."""
    plain, apart = sampled(model, LARGE), ("FreeU", "SAG")
    for names in (apart, PATCHES.keys() - apart):
        patched = model
        for name in sorted(names):
            patched = PATCHES[name](patched)
        assert not torch.allclose(sampled(attach(patched, motion, Applied()), LARGE, steps=2), plain, atol=1e-3)
        assert torch.equal(sampled(model, LARGE), plain)


@pytest.mark.parametrize("name", PROMPTS)
def test_what_comes_with_the_prompt_has_its_effect(
    name: str, model: Any, motion: Any, animated: Any, moving: dict[int, torch.Tensor]
) -> None:
    positive = PROMPTS[name]
    both, still = sampled(animated, positive=positive()), sampled(model, positive=positive())
    assert not torch.allclose(both, moving[SIZE], atol=1e-3), f"{name} has no effect"
    assert not torch.allclose(both, still, atol=1e-3), "motion has no effect"
    assert torch.equal(sampled(off(model, motion), positive=positive()), still)


def test_upscaled_and_sampled_again(model: Any, animated: Any, moving: dict[int, torch.Tensor]) -> None:
    # as Upscale Latent By does
    bigger = comfy.utils.common_upscale(moving[SIZE], 12, 12, "bislerp", "disabled")
    again = [tiny.sample(each, FRAMES, latent=bigger, denoise=0.5) for each in (animated, model)]
    assert again[0].shape == (FRAMES, 4, 12, 12)
    assert not torch.allclose(*again, atol=1e-3), "motion has no effect on the larger picture"


def test_what_is_pasted_into_an_animation_and_masked_stays(animated: Any, moving: dict[int, torch.Tensor]) -> None:
    """Latent Composite and Set Latent Noise Mask: in every frame, what may not change is what was pasted."""
    pasted = moving[SIZE].clone()
    pasted[..., 4:, 4:] = 1.0
    may_change = torch.ones(1, 1, SIZE, SIZE)
    may_change[..., 4:, 4:] = 0
    out = tiny.sample(animated, FRAMES, latent=pasted, noise_mask=may_change)
    torch.testing.assert_close(out[..., 4:, 4:], pasted[..., 4:, 4:])
    assert not torch.allclose(out[..., :4, :4], pasted[..., :4, :4], atol=1e-2)


def embeds_of_frames(model: Any, embeds: torch.Tensor) -> Any:
    """What an IPAdapter pack does with an embed (tokens, channels) for each frame: the rows of each model call are those of
    the frames that "ad_params" names."""

    def more_tokens(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, options: dict[str, Any]) -> Any:
        indices = options["ad_params"]["sub_idxs"]
        rows = embeds if indices is None else embeds[indices]
        own = rows.to(k).repeat(len(k) // len(rows), 1, 1)
        return q, torch.cat([k, own], 1), torch.cat([v, own], 1)

    patched = model.clone()
    patched.set_model_attn2_patch(more_tokens)
    return patched


def masked_pictures(model: Any, pictures: torch.Tensor) -> dict[str, Any]:
    """The conditionings of an inpainting model with a masked picture (4, h, w) for each frame."""
    masks = torch.ones(len(pictures), 1, 8 * SIZE, 8 * SIZE)
    masks[..., : 4 * SIZE] = 0
    given = {"concat_latent_image": pictures, "concat_mask": masks}
    return {side: [[tiny.conditioning(i)[0][0], given]] for i, side in enumerate(("positive", "negative"), start=3)}


@pytest.mark.parametrize("kind", ["embeds", "inpainting"])
def test_windows_get_what_belongs_to_their_frames(kind: str, motion: Any) -> None:
    """Windows that do not overlap are videos of their own, each with its part of what there is one of for each frame."""
    inpaints = kind == "inpainting"
    model = exact.inpainting_model() if inpaints else exact.image_model()
    animated = attach(model, motion, Applied())
    random = tiny.generator(3)
    rows = torch.randn((2 * FRAMES, 4, SIZE, SIZE) if inpaints else (2 * FRAMES, 2, tiny.CONTEXT), generator=random)
    noise = tiny.latents(2 * FRAMES, SIZE)

    def result(model: Any, rows: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        with_rows = model if inpaints else embeds_of_frames(model, rows)
        more = masked_pictures(model, rows) if inpaints else {}
        return tiny.sample(with_rows, len(noise), size=SIZE, noise=noise, steps=1, **more)

    windows = added(animated, windows=ContextWindows(WindowSpec(FRAMES, 0), at_once=2))
    together = result(windows, rows, noise)
    parts = [result(animated, *part) for part in zip(rows.split(FRAMES), noise.split(FRAMES), strict=True)]
    assert_alike(together, torch.cat(parts))
    assert_other(together, result(windows, rows.flip(0), noise))
