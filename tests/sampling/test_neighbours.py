"""The host's own patches that people chain with animation: each keeps its effect, wherever it stands in the chain."""

from collections.abc import Callable
from typing import Any

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

from kinema.motion.load import load_motion_model
from kinema.sampling.applied import Applied
from kinema.sampling.attach import attach
from kinema.sampling.schedules import KEEP

SIZE = 16  # latent cells: smaller pictures have nothing to tile or merge
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


PATCHES: dict[str, Patch] = {
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


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_motion_model(
        tiny.save(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("motion") / "mm.safetensors")
    )


def sampled(model: Any) -> torch.Tensor:
    torch.manual_seed(0)  # some patches draw from the global generator
    return tiny.sample(model, 3, size=SIZE)


@pytest.mark.parametrize("name", PATCHES)
def test_both_have_their_effect_in_either_order(name: str, motion: Any) -> None:
    patch, model = PATCHES[name], tiny.image_model()
    before = sampled(attach(patch(model), motion, Applied()))
    after = sampled(patch(attach(model, motion, Applied())))
    assert before.isfinite().all()
    torch.testing.assert_close(before, after)
    assert not torch.allclose(before, sampled(attach(model, motion, Applied())), atol=1e-3), "the patch has no effect"
    assert not torch.allclose(before, sampled(patch(model)), atol=1e-3), "motion has no effect"


@pytest.mark.parametrize("name", PATCHES)
def test_strength_zero_leaves_the_patch_alone(name: str, motion: Any) -> None:
    patch, model = PATCHES[name], tiny.image_model()
    assert torch.equal(sampled(attach(patch(model), motion, Applied(strength=0.0), KEEP)), sampled(patch(model)))


def test_nothing_of_a_patch_stays_on_the_model(motion: Any) -> None:
    model = tiny.image_model()
    plain = sampled(model)
    for patch in PATCHES.values():
        sampled(attach(patch(model), motion, Applied()))
    assert torch.equal(sampled(model), plain)
