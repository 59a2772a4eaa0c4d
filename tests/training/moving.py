"""Clips to train on: noise that moves to the right by one column per frame, which a motion model can learn."""

import tiny
import torch

from kinema.training.clips import Clip, Clips

FRAMES = 4


def clips(count=1, frames=FRAMES, size=8):
    made = []
    for i in range(count):
        still = tiny.latents(1, size, seed=100 + i) / 0.18215
        moving = torch.cat([still.roll(frame, dims=-1) for frame in range(frames)])
        made.append(Clip(moving, tiny.conditioning(200 + i), f"clip {i}", f"clip {i}.mp4"))
    return Clips(tuple(made), tiny.conditioning(4))
