"""FreeNoise: later frames start from the noise of earlier ones, so that the windows of a long video resemble each other.

Qiu et al., "FreeNoise: Tuning-Free Longer Video Diffusion via Noise Rescheduling", section 3.2.
"""

import torch


def frame_order(frames: int, length: int, overlap: int, random: torch.Generator) -> list[int]:
    """For each of `frames` the frame whose noise it takes: the first `length` keep theirs, then every further stretch
    of `length - overlap` frames takes those of one window earlier, in random order."""
    order = list(range(frames))
    stretch = length - overlap
    for start in range(0, frames - length, stretch):
        place = start + length
        count = min(stretch, frames - place)
        shuffled = torch.randperm(count, generator=random).tolist()
        order[place : place + count] = [order[start + i] for i in shuffled]
    return order


def reschedule(noise: torch.Tensor, length: int, overlap: int, seed: int) -> torch.Tensor:
    """`noise` (f, ...) with the frames in that order."""
    return noise[frame_order(noise.shape[0], length, overlap, torch.Generator().manual_seed(seed % 2**64))]
