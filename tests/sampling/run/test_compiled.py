"""A UNet that ComfyUI's node TorchCompileModel compiled serves MODELs with and without Kinema, in any order."""

import comfy.ldm.modules.attention
import pytest
import tiny
from comfy.ldm.modules.attention import SpatialTransformer, attention_pytorch
from comfy_extras.nodes_torch_compile import TorchCompileModel
from compare import assert_alike, assert_other
from torch import nn

from kinema.motion.load import load_motion_model
from kinema.sampling.curves.curve import Blocks, Constant, OverBlocks
from kinema.sampling.modules.applied import Applied
from kinema.sampling.run.attach import attach, changed

ONE_MODULE = OverBlocks(((Blocks(), Constant(0.0)), (Blocks("down", 0, 0), Constant(1.0))))


@pytest.fixture
def model(monkeypatch):
    """MODEL with one transformer block, which is traced in seconds, and with the attention that GPUs use: it compiles
    to a single graph, so that nothing but torch's guards tells one call from another."""
    for name in ("optimized_attention", "optimized_attention_masked"):
        monkeypatch.setattr(comfy.ldm.modules.attention, name, attention_pytorch)
    model = tiny.image_model()
    transformers = [part for part in model.model.diffusion_model.modules() if isinstance(part, SpatialTransformer)]
    for transformer in transformers[1:]:
        transformer.transformer_blocks = nn.ModuleList()
    return model


def test_animated_and_plain_runs_share_a_compiled_unet(model, tmp_path):
    motion = load_motion_model(tiny.save(tiny.motion_weights(seed=8), tmp_path / "v3_mm.safetensors"))
    kinds = {
        "plain": lambda model: model,
        "animated": lambda model: attach(model, motion, Applied(strength=ONE_MODULE)),
        "first frame": lambda model: changed(model, first_frame=True),
    }
    expected = {name: tiny.sample(kind(model), frames=2, size=4) for name, kind in kinds.items()}
    assert_other(expected["animated"], expected["plain"])
    assert_other(expected["first frame"], expected["plain"])
    compiled = TorchCompileModel.execute(model, "eager")[0]  # traced as for every backend; needs no compiler for C++
    for name in ("animated", "plain", "animated", "first frame", "plain"):
        assert_alike(tiny.sample(kinds[name](compiled), frames=2, size=4), expected[name])
