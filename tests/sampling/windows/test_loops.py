"""Closed loops: the last frame joins the first as neighbours join each other.

The denoiser is made up: its picture of a frame is a mean of the frames around it in the window, as a motion module's
is, so frames that are ever computed side by side come to resemble each other, and others do not.
"""

from dataclasses import replace

import pytest
import tiny
import torch

from kinema.sampling.run.attach import added
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec
from kinema.sampling.windows.fuse import FUSES
from kinema.sampling.windows.motion_windows import MotionWindows


def smooth(frames):
    """(..., f, d): a mean over neighbours, which never looks beyond the ends."""
    places = torch.arange(frames.shape[-2])
    kernel = torch.exp(-(((places[:, None] - places) / 2.0) ** 2) / 2)
    return (kernel / kernel.sum(dim=1, keepdim=True)) @ frames


def denoise(apply_model, params):
    x, sigma = params["input"], params["timestep"].view(-1, 1, 1, 1)
    count = params["c"]["transformer_options"].get("context_window").frames_each
    clean = 2 * x / (sigma**2 + 1) ** 0.5
    return smooth(clean.view(-1, count, x[0].numel())).view(x.shape)


def seam(video):
    """The difference of last and first frame, in units of the median difference of neighbours."""
    flat = video.flatten(1)
    neighbours = (flat[1:] - flat[:-1]).norm(dim=1)
    return float((flat[-1] - flat[0]).norm() / neighbours.median())


def sample(frames, spec, **more):
    model = tiny.image_model()
    model.set_model_unet_function_wrapper(denoise)
    cut = added(model, windows=ContextWindows(spec, **more))
    return tiny.sample(cut, frames=frames, steps=20, cfg=1.0, sampler="euler")


def looped(overlap=4, stride=1, closed_loop=True):
    return WindowSpec(16, overlap, "looped", stride, closed_loop)


@pytest.mark.parametrize("frames", [8, 16, 17, 24, 48, 100])
@pytest.mark.parametrize("overlap", [2, 4, 8])
def test_a_closed_loop_has_no_seam(frames, overlap):
    assert seam(sample(frames, looped(overlap))) <= 1.2


@pytest.mark.parametrize("frames", [17, 48])
def test_shifting_windows_join_the_ends_of_a_closed_loop(frames):
    """No frame is computed twice, so a seam stays visible; in the open video it is a cut."""
    spec = WindowSpec(16, 0, "shifting")
    closed = replace(spec, closed_loop=True)
    assert 5 * seam(sample(frames, closed)) < seam(sample(frames, spec))


@pytest.mark.parametrize("fuse", sorted(FUSES))
def test_with_every_fuse_method(fuse):
    assert seam(sample(40, looped(), fuse=fuse)) <= 1.2


def test_without_a_loop_there_is_one():
    """Else the denoiser would prove nothing."""
    assert seam(sample(48, WindowSpec(16, 4, "static"))) > 3
    assert seam(sample(16, WindowSpec(15, 4, "static"))) > 3


@pytest.mark.parametrize("frames", [8, 16, 17, 32, 50])
@pytest.mark.parametrize("overlap", [4, 8, 12])
def test_motion_windows_close_the_loop(frames, overlap):
    windows = MotionWindows(16, overlap, closed_loop=True).of(frames, frames, torch.device("cpu"))
    x = torch.randn(1, frames, 64, generator=tiny.generator(0))
    for _ in range(10):  # layer after layer
        x = 1.05 * windows.over(smooth, x)
    assert seam(x[0]) <= 1.2
    if frames <= 16:  # without a loop there are no windows
        return
    open_windows = MotionWindows(16, 8).of(frames, frames, torch.device("cpu"))
    y = torch.randn(1, frames, 64, generator=tiny.generator(0))
    for _ in range(10):
        y = 1.05 * open_windows.over(smooth, y)
    assert seam(y[0]) > 3
