"""Windows inside a motion module: nothing is lost or counted twice, at any number of frames."""

import copy

import numpy as np
import pytest
import scipy.fft
import tiny
import torch
from diffusers.models.attention import FreeNoiseTransformerBlock
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.motion.control import Control, Merge, Tokens
from kinema.motion.load import load_motion_model
from kinema.motion.positions import PositionRule
from kinema.motion.windowed import low_pass_filter
from kinema.sampling.windows.fuse import FUSES
from kinema.sampling.windows.motion_windows import MotionWindows

CPU = torch.device("cpu")


@settings(max_examples=70, deadline=None)
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


@pytest.mark.parametrize(("frames", "share"), [(10, 0.35), (9, 1.0), (7, 0.01)])
def test_the_filter_keeps_the_low_frequencies_of_a_cosine_transform(frames, share):
    x = np.random.default_rng(0).standard_normal((frames, 3))
    spectrum = scipy.fft.dct(x, axis=0, norm="ortho")
    spectrum[int(np.ceil(share * frames)) :] = 0
    kept = low_pass_filter(frames, share).numpy() @ x
    np.testing.assert_allclose(kept, scipy.fft.idct(spectrum, axis=0, norm="ortho"), atol=1e-12)


@pytest.fixture(scope="module")
def block(module):
    """In float64, so that two ways to one result differ by the rounding of float32 tables at most."""
    return copy.deepcopy(module.transformer_blocks[0]).double()


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_global_attention_equals_two_attentions_and_a_transform(block, share):
    """An attention over windows of 4 and one over all 10 frames, blended in frequency, written with NumPy."""
    frames, length = 10, 4
    width = block.ff_norm.weight.shape[0]
    windows = MotionWindows(length, 2, "flat", global_attention=share).of(frames, frames, CPU)
    x = torch.randn(3, frames, width, generator=tiny.generator(3), dtype=torch.float64)
    ours = block._attended(x, Control(windows=windows), Tokens(1, frames, (1, len(x))))

    table = sinusoids(length, width)
    spread = np.stack([np.interp(np.linspace(0, length - 1, frames), range(length), row) for row in table.T], axis=1)
    whole = attended(block, x.numpy(), spread)
    local = np.zeros_like(whole)
    count = np.zeros(frames)
    for start in (0, 2, 4, 6):
        local[:, start : start + length] += attended(block, x.numpy()[:, start : start + length], table)
        count[start : start + length] += 1
    local /= count[:, None]
    spectrum = scipy.fft.dct(local, axis=1, norm="ortho")
    low = int(np.ceil(share * frames))
    spectrum[:, :low] = scipy.fft.dct(whole, axis=1, norm="ortho")[:, :low]
    np.testing.assert_allclose(ours.detach().numpy(), scipy.fft.idct(spectrum, axis=1, norm="ortho"), atol=1e-6)


def sinusoids(length, width):
    angle = np.arange(length)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(length, width)


def attended(block, x, positions):
    """The attentions of a `block` over the frames of `x` (b, f, c), with `positions` (f, c)."""
    for norm, attention in zip(block.norms, block.attention_blocks, strict=True):
        weight, bias, qkv, out, shift = (
            t.detach().numpy()
            for t in (norm.weight, norm.bias, attention.to_qkv.weight, *attention.to_out[0].parameters())
        )
        centred = x - x.mean(-1, keepdims=True)
        tokens = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + norm.eps) * weight + bias + positions
        q, k, v = (
            (tokens @ part.T).reshape(*x.shape[:2], attention.heads, -1).swapaxes(1, 2) for part in np.split(qkv, 3)
        )
        logits = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        x = x + (shares @ v).swapaxes(1, 2).reshape(x.shape) @ out.T + shift
    return x


def test_global_attention_of_all_frequencies_is_an_attention_over_all_frames(block):
    """Windows as long as the table of positions: these are stretched over the video as when it is computed at once."""
    frames = 48
    x = torch.randn(2, frames, block.ff_norm.weight.shape[0], generator=tiny.generator(4), dtype=torch.float64)
    tokens = Tokens(1, frames, (1, 2))
    at_once = block(x, Control(rule=PositionRule("stretch")), tokens)
    windows = [MotionWindows(32, 8, global_attention=share).of(frames, frames, CPU) for share in (1.0, 0.0)]
    torch.testing.assert_close(block(x, Control(windows=windows[0]), tokens), at_once, atol=1e-6, rtol=0)
    plain = block(x, Control(windows=MotionWindows(32, 8).of(frames, frames, CPU)), tokens)
    assert windows[1].low_pass is None
    assert torch.equal(block(x, Control(windows=windows[1]), tokens), plain)
    assert (plain - at_once).abs().max() > 1e-2


def test_an_attention_over_all_frames_sees_the_camera_of_each_frame():
    """Features (r, h, w, n, l, c) of two windows of 4 that share two of 6 frames become those of the frames."""
    features = torch.randn(2, 3, 5, 2, 4, 7, generator=tiny.generator(6))
    windows = MotionWindows(4, 2, "flat").of(6, 6, CPU)
    fused = Merge(torch.nn.Identity(), features, 1.0).over(windows, 6).features
    first, last = features[:, :, :, 0], features[:, :, :, 1]
    expected = torch.cat([first[..., :2, :], (first[..., 2:, :] + last[..., :2, :]) / 2, last[..., 2:, :]], dim=-2)
    torch.testing.assert_close(fused, expected[:, :, :, None])


def test_only_the_attentions_in_windows_are_watched(block):
    """Motion from Video compares what motion modules see in windows, each attention once."""
    windows = MotionWindows(4, 2, global_attention=0.5).of(10, 10, CPU)
    seen = []
    control = Control(windows=windows, watch=lambda number, q, k: seen.append((number, q.shape[0], k.shape[2])))
    block(torch.randn(3, 10, block.ff_norm.weight.shape[0], dtype=torch.float64), control, Tokens(1, 10, (1, 3)))
    assert seen == [(0, 3 * 4, 4), (1, 3 * 4, 4)]
