"""Where the attention of a new motion model looks before it has learned anything."""

from __future__ import annotations

import math

import torch

from kinema.training.learner import Learner

OFFSETS = (0, 1, -1, 3, -3)  # frames: one head each, of eight; the others look at all frames alike, as usual
SHARPNESS = 2.45  # of a head's view: three quarters of it go to its frame
CONTENT = 0.2  # how much of the picture is left in the channels that tell neighbouring frames apart


@torch.no_grad()
def look_at_neighbours(learner: Learner) -> None:
    """Makes five heads of every temporal attention begin with a look at the frame itself and at frames near it.

    With torch's usual weights attention is the mean of all frames at first, and which frame is before which is a
    product of weak features: published motion models learn it in some 10^5 steps, and the miniature has 10^3. The
    position table's rows are rotations of one another: sin and cos of (p + d)·w are those of p·w turned by d·w, so a
    fixed matrix finds the frame at distance d. The fastest frequencies, one head wide, are enough.
    """
    for name, weight in learner.parameters.items():
        if name.endswith("to_qkv.weight"):
            width = weight.shape[1]
            head = width // 8
            key = SHARPNESS * torch.eye(head, width)
            for number, offset in enumerate(OFFSETS):
                weight[number * head : (number + 1) * head] = SHARPNESS * _turned(head, width, offset)
                weight[width + number * head : width + (number + 1) * head] = key
        elif ".norms." in name and name.endswith("weight"):
            weight[: weight.shape[0] // 8] = CONTENT


def _turned(head: int, width: int, offset: int) -> torch.Tensor:
    """(head, width): positions p to the sines and cosines of p + offset."""
    query = torch.zeros(head, width)
    for pair in range(head // 2):
        angle = offset * 10000 ** (-2 * pair / width)
        sine = 2 * pair
        cosine = sine + 1
        query[sine, sine] = math.cos(angle)
        query[sine, cosine] = math.sin(angle)
        query[cosine, cosine] = math.cos(angle)
        query[cosine, sine] = -math.sin(angle)
    return query
