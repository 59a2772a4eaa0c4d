"""What pixels say about an animation, without any model. Frames are (f, h, w, 3) from 0 to 1, differences are in
percent of that range, and lists over pairs hold frame 0 with 1 first."""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F

from .flow import optical_flow, visible, warp

WORKING_SIZE = 256
"""Larger frames are followed at this many pixels on the shorter side: faster, and comparable between sizes."""

STILL = 0.01
"""Added to both sides of the seam's ratio, in percent: far below one step of 8 bits, and still videos give 1."""


def neighbour_difference(frames: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of consecutive frames, (f - 1,)."""
    return torch.stack([_difference(first, second) for first, second in pairwise(frames)])


def seam(frames: torch.Tensor) -> torch.Tensor:
    """The steps from each frame to the next, and from the last to the first, as multiples of the median step, (f,).

    The last of them is the seam score: 1 for a loop that closes like any other step, more where it jumps.
    """
    steps = neighbour_difference(frames)
    around = torch.cat([steps, _difference(frames[-1], frames[0])[None]])
    return (around + STILL) / (steps.quantile(0.5) + STILL)


def flicker_and_motion(
    frames: torch.Tensor, device: torch.device, tick: Callable[[], None]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Flicker and motion amount of consecutive frames, each (f - 1,), computed on `device`; `tick` after each pair.

    Flicker is the root of the mean squared difference that is left when motion is undone, over the pixels visible in
    both frames: the warping error of Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018.
    Motion amount is the mean length of their motion, in percent of the picture's shorter side.
    """
    flicker, motion = [], []
    for first, second in pairwise(frames):
        pair = _working_size(torch.stack([first, second])[..., :3].cpu())
        there, back = optical_flow(pair.to(device), pair.flip(0).to(device)).cpu().chunk(2)
        seen = visible(there, back)
        seen = seen if seen.any() else torch.ones_like(seen)  # nothing can be followed, so everything counts
        undone = warp(pair[1:].movedim(-1, 1), there, "bicubic").movedim(1, -1)
        flicker.append(100 * (undone - pair[:1])[seen].square().mean().sqrt())
        motion.append(100 * there.norm(dim=1)[seen].mean() / min(there.shape[-2:]))
        tick()
    return torch.stack(flicker), torch.stack(motion)


def _difference(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    return 100 * (first - second).abs().mean()


def _working_size(pictures: torch.Tensor) -> torch.Tensor:
    h, w = pictures.shape[1:3]
    if min(h, w) <= WORKING_SIZE:
        return pictures
    size = [round(side * WORKING_SIZE / min(h, w)) for side in (h, w)]
    return F.interpolate(pictures.movedim(-1, 1), size, mode="bilinear", antialias=True).movedim(1, -1)
