"""Pictures of any shape are cut to that of the video and resized."""

import comfy.utils
import pytest
import torch

from kinema.sampling.pictures.encoding import cut_and_resized


@pytest.mark.parametrize("length", [2, 3, 4, 5, 1000])
def test_a_picture_one_pixel_wide_or_high_shows_its_middle(length):
    wide = torch.arange(float(length)).expand(1, 3, 1, length)
    for picture in (wide, wide.mT):
        out = cut_and_resized(picture, 16, 16, "area")
        assert out.shape == (1, 3, 16, 16)
        assert (out - (length - 1) / 2).abs().max() <= 0.5


@pytest.mark.parametrize("size", [(1, 1), (7, 30), (30, 7), (48, 64), (33, 65)])
def test_all_others_are_cut_as_by_the_host(size):
    picture = torch.rand(2, 3, *size)
    for width, height in ((16, 16), (40, 16), (8, 24)):
        ours = cut_and_resized(picture, height, width, "bicubic")
        assert torch.equal(ours, comfy.utils.common_upscale(picture, width, height, "bicubic", "center"))
