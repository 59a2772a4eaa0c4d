"""FreeNoise's order of noise, against published values and diffusers."""

import diffusers.pipelines.free_noise_utils as reference
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinema.sampling.noise.freenoise import frame_order, reschedule


def order(frames, length, overlap, seed):
    return frame_order(frames, length, overlap, torch.Generator().manual_seed(seed))


def test_order_equals_published_values():
    assert order(10, 4, 1, 1234) == [0, 1, 2, 3, 0, 2, 1, 3, 2, 0]
    tail = "8 0 5 9 7 4 2 10 3 1 11 6 14 15 10 8 13 4 5 12 0 9 7 2 8 6 14 11 15 3 1 10"
    assert order(48, 16, 4, 0) == [*range(16), *map(int, tail.split())]


class Reference(reference.AnimateDiffFreeNoiseMixin):
    """The part of diffusers' pipeline that FreeNoise's latents need."""

    vae_scale_factor = 1
    _free_noise_noise_type = "shuffle_context"
    _free_noise_context_length = 16
    _free_noise_context_stride = 4


@pytest.mark.parametrize("frames", [16, 24, 32])
def test_equals_diffusers(frames):
    shape = (1, 4, frames, 8, 8)
    random = torch.Generator().manual_seed(7)
    theirs = Reference()._prepare_latents_free_noise(1, 4, frames, 8, 8, torch.float32, "cpu", random)
    random.manual_seed(7)
    drawn = torch.randn(shape, generator=random)
    assert torch.equal(theirs, drawn[:, :, frame_order(frames, 16, 12, random)])


def test_noise_follows_the_order():
    noise = tiny.latents(10)
    assert torch.equal(reschedule(noise, 4, 1, 1234), noise[[0, 1, 2, 3, 0, 2, 1, 3, 2, 0]])


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 39), st.integers(0, 2**63 - 1))
def test_any_length(frames, length, overlap, seed):
    overlap = min(overlap, length - 1)
    noises = order(frames, length, overlap, seed)
    assert noises[:length] == list(range(min(frames, length))) and len(noises) == frames
    assert set(noises) <= set(range(length))
    for start in range(0, frames - length, length - overlap):  # each stretch has the noise of the one a window earlier
        stretch = slice(start + length, start + 2 * length - overlap)
        assert set(noises[stretch]) <= set(noises[start : start + length - overlap])
