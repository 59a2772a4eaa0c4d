"""Optical flow against motion that is known, because the pictures were made with it."""

import pytest
import torch
from skimage.registration import optical_flow_ilk

from evaluation import pictures
from kinema.evaluation.flow import optical_flow, visible, warp

MOTIONS = {
    "still": {},
    "a third of a pixel": {"x": 0.3},
    "pixels": {"x": 1.5, "y": -0.7},
    "many pixels": {"x": -9.0, "y": 6.0},
    "zoom": {"zoom": 1.05},
    "turn": {"angle": 0.05},
}
TEXTURES = ((2, 8, 32), (4, 16, 48), (8, 32))  # pixels of the structures in each


def error(flow, motion):
    """The end-point error in pixels, away from the edge, over which the texture leaves the picture."""
    return (flow - pictures.flow(**motion)).norm(dim=1)[:, 12:-12, 12:-12]


@pytest.mark.parametrize("name", MOTIONS)
@pytest.mark.parametrize("scales", TEXTURES)
def test_known_motion_is_found(name, scales):
    world, motion = pictures.texture(scales=scales), MOTIONS[name]
    errors = error(optical_flow(pictures.view(world), pictures.view(world, **motion)), motion)
    assert errors.median() < 0.12 and errors.mean() < 0.3


def theirs(first, second, **more):
    """scikit-image's flow by the same paper's method."""
    grey = [picture.mean(-1)[0].double().numpy() for picture in (first, second)]
    down, across = optical_flow_ilk(*grey, **more)
    return torch.stack([torch.from_numpy(across), torch.from_numpy(down)])[None]


@pytest.mark.parametrize("settings", [{}, {"gaussian": True, "prefilter": True}])  # its own, and its best ones
def test_known_motion_is_found_no_worse_than_by_scikit_image(settings):
    """The mean end-point error over all pairs: 0.039 pixels, against 0.61 and 0.044."""
    ours = []
    reference = []
    for scales in TEXTURES:
        world = pictures.texture(scales=scales)
        for motion in MOTIONS.values():
            pair = pictures.view(world), pictures.view(world, **motion)
            ours.append(error(optical_flow(*pair), motion).mean())
            reference.append(error(theirs(*pair, **settings), motion).mean())
    assert torch.stack(ours).mean() <= torch.stack(reference).mean()


@pytest.mark.parametrize("change", [lambda p: p * 0.7, lambda p: p + 0.05, lambda p: 0.5 + (p - 0.5) * 1.1])
def test_brightness_and_contrast_are_no_motion(change):
    world, motion = pictures.texture(), MOTIONS["pixels"]
    moved = change(pictures.view(world, **motion))
    assert error(optical_flow(pictures.view(world), moved), motion).mean() < 0.15


def test_noise_is_borne():
    world, motion = pictures.texture(), MOTIONS["pixels"]
    noise = torch.randn(2, 1, pictures.SIZE, pictures.SIZE, 3, generator=torch.Generator().manual_seed(0)) * 0.03
    flow = optical_flow(pictures.view(world) + noise[0], pictures.view(world, **motion) + noise[1])
    assert error(flow, motion).median() < 0.25


def test_pairs_do_not_depend_on_each_other():
    world = pictures.texture()
    first = pictures.view(world).expand(2, -1, -1, -1)
    second = torch.cat([pictures.view(world, **MOTIONS[name]) for name in ("pixels", "turn")])
    together = optical_flow(first, second)
    apart = torch.cat([optical_flow(a[None], b[None]) for a, b in zip(first, second, strict=True)])
    torch.testing.assert_close(together, apart, atol=1e-4, rtol=1e-4)


def test_nothing_to_see_is_nothing_that_moves():
    grey = torch.full((1, 40, 64, 3), 0.5)
    assert optical_flow(grey, grey + 0.1).abs().max() < 1e-6


def test_warp_undoes_motion():
    world, motion = pictures.texture(), MOTIONS["many pixels"]
    moved = pictures.view(world, **motion).movedim(-1, 1)
    undone = warp(moved, pictures.flow(**motion)).movedim(1, -1)
    torch.testing.assert_close(undone[:, 10:-10, 10:-10], pictures.view(world)[:, 10:-10, 10:-10], atol=1e-5, rtol=0)


def test_what_an_object_covers_is_not_visible():
    there, back = torch.zeros(2, 1, 2, 40, 60)
    there[:, 0, 10:30, 10:30] = 6  # an object goes 6 pixels to the right, over a background that stays
    back[:, 0, 10:30, 16:36] = -6
    covered = torch.zeros(40, 60, dtype=torch.bool)
    covered[10:30, 30:36] = True
    assert torch.equal(visible(there, back)[0], ~covered)


@pytest.mark.parametrize("step", [2, 5])
def test_an_object_moves_by_itself(step):
    thing = pictures.texture(32, seed=2).movedim(1, -1)
    first, second = pictures.view(pictures.texture(seed=1)).repeat(2, 1, 1, 1).split(1)
    first[:, 30:62, 20:52] = thing
    second[:, 30:62, 20 + step : 52 + step] = thing
    flow = optical_flow(first, second)[0]
    assert float(flow[0, 34:58, 24:48].mean()) == pytest.approx(step, rel=0.1)
    assert flow[:, :, 75:].abs().mean() < 0.05


def test_what_leaves_the_picture_is_not_visible():
    flow = torch.zeros(1, 2, 20, 30)
    flow[:, 0] = 4
    seen = visible(flow, -flow)[0]
    assert seen[:, :26].all() and not seen[:, 26:].any()
