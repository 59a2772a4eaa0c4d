"""The sinusoidal position table that tells a motion module which frame is which (paper, section 4.1)."""

import math

import torch


def sinusoid(length: int, width: int, start: int = 0) -> torch.Tensor:
    """Positions `start .. start + length - 1` as float32 rows of shape (length, width).

    pe[p, 2i] = sin(p·ω_i), pe[p, 2i+1] = cos(p·ω_i), ω_i = 10000^(-2i/width). Every row has norm sqrt(width / 2),
    and a longer table begins with the shorter one.
    """
    position = torch.arange(start, start + length, dtype=torch.float64)[:, None]
    frequency = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10000.0) / width))
    angle = position * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)[:, :width].float()
