"""Windows inside a motion module: nothing is lost or counted twice, at any number of frames."""

import pytest
import tiny
import torch
from diffusers.models.attention import FreeNoiseTransformerBlock
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.motion.control import Control, Tokens
from kinema.motion.load import load_motion_model
from kinema.sampling.windows.fuse import FUSES
from kinema.sampling.windows.motion_windows import MotionWindows

CPU = torch.device("cpu")


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 200), st.integers(1, 32), st.integers(0, 31), st.sampled_from(sorted(FUSES)), st.booleans())
def test_an_identity_stays_an_identity_at_every_number_of_frames(frames, length, overlap, fuse, loop):
    windows = MotionWindows(length, min(overlap, length - 1), fuse, loop).of(frames, frames, CPU)
    if windows is None:
        assert frames <= length and not loop
        return
    x = torch.randn(3, frames, 2, generator=tiny.generator(0))
    torch.testing.assert_close(windows.over(lambda part: part, x), x)


def test_windows_are_seen_alone_and_fused_by_their_weights():
    windows = MotionWindows(4, 2).of(6, 6, CPU)
    assert windows.places.tolist() == [[0, 1, 2, 3], [2, 3, 4, 5]]
    x = torch.randn(5, 6, 3, generator=tiny.generator(0))

    def whole(part):  # what an attention can do at most: see all frames of its window
        return part.mean(dim=1, keepdim=True) + part

    first, last = whole(x[:, :4]), whole(x[:, 2:])
    expected = torch.cat(
        [first[:, :2], (2 * first[:, 2:3] + 1 * last[:, 0:1]) / 3, (first[:, 3:] + 2 * last[:, 1:2]) / 3, last[:, 2:]],
        1,
    )
    torch.testing.assert_close(windows.over(whole, x), expected)


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    file = tiny.save(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("motion") / "mm.safetensors")
    return load_motion_model(file).model.at("down_blocks.0.motion_modules.0")


def test_a_module_without_attention_is_the_same_in_windows(module):
    """Norms, projections and the feed-forward belong to single frames."""
    x = tiny.latents(22, 4)[:, :1].repeat(1, 32, 1, 1) * torch.linspace(-1, 1, 32)[:, None, None]
    attentions = module.transformer_blocks[0].attention_blocks
    silent = {k: torch.zeros_like(v) if ".to_out." in f".{k}" else v for k, v in attentions.state_dict().items()}
    before = {k: v.clone() for k, v in attentions.state_dict().items()}
    attentions.load_state_dict(silent)
    with torch.no_grad():
        torch.testing.assert_close(module(x, 22, Control(windows=MotionWindows(8, 3).of(22, 22, CPU))), module(x, 22))
        attentions.load_state_dict(before)
        assert not torch.allclose(
            module(x, 22, Control(windows=MotionWindows(8, 3).of(22, 22, CPU))), module(x, 22), atol=1e-3
        )


def test_positions_begin_anew_in_every_window(module):
    still = tiny.latents(1, 4).repeat(24, 8, 1, 1)
    with torch.no_grad():
        alone = module(still[:8], 8)
        windows = module(still, 24, Control(windows=MotionWindows(8, 0).of(24, 24, CPU)))
    for part in windows.split(8):
        torch.testing.assert_close(part, alone)


@pytest.mark.parametrize("frames", [16, 24, 32])
def test_equals_free_noise_of_diffusers(module, frames):
    """At lengths where diffusers weighs the last window right; windows of 16 that move by 4."""
    block = module.transformer_blocks[0]
    width = block.ff_norm.weight.shape[0]
    theirs = FreeNoiseTransformerBlock(
        width, 8, width // 8, activation_fn="geglu", double_self_attention=True, positional_embeddings="sinusoidal",
        num_positional_embeddings=32, context_length=16, context_stride=4, weighting_scheme="pyramid",
    ).eval()  # fmt: skip
    theirs.load_state_dict(to_diffusers(block), strict=False)
    x = torch.randn(6, frames, width, generator=tiny.generator(3))
    with torch.no_grad():
        ours = block(x, Control(windows=MotionWindows(16, 12).of(frames, frames, CPU)), Tokens(1, frames, (1, len(x))))
        torch.testing.assert_close(ours, theirs(x), atol=1e-5, rtol=1e-5)


def to_diffusers(block):
    weights = {}
    for i, attention in enumerate(block.attention_blocks):
        for name, weight in zip("qkv", attention.to_qkv.weight.chunk(3), strict=True):
            weights[f"attn{i + 1}.to_{name}.weight"] = weight
        weights |= {f"attn{i + 1}.to_out.0.{key}": weight for key, weight in attention.to_out[0].state_dict().items()}
    for i, norm in enumerate([*block.norms, block.ff_norm]):
        weights |= {f"norm{i + 1}.{key}": weight for key, weight in norm.state_dict().items()}
    return weights | {f"ff.{key}": weight for key, weight in block.ff.state_dict().items()}
