"""Pictures of which the motion is known: a camera that looks at a large random texture."""

import math

import tiny
import torch
import torch.nn.functional as F

SIZE = 96


def texture(size=2 * SIZE, seed=0, scales=(4, 16, 48)):
    """A random picture (1, 3, size, size) from 0 to 1, with structures of these sizes in pixels."""
    random = tiny.generator(seed)
    total = torch.zeros(1, 3, size, size)
    for scale in scales:
        cells = size // scale + 8
        noise = torch.randn(1, 3, cells, cells, generator=random)
        total += F.interpolate(noise, scale_factor=scale, mode="bicubic")[..., 4 * scale :, 4 * scale :][
            ..., :size, :size
        ]
    return (total / total.std() * 0.15 + 0.5).clamp(0.05, 0.95)


def view(world, x=0.0, y=0.0, zoom=1.0, angle=0.0, size=SIZE):
    """What a camera sees that looks at (x, y) from the middle of `world`, as (1, size, size, 3)."""
    return F.grid_sample(
        world, (2 * _places(x, y, zoom, angle, size) / world.shape[-1])[None], mode="bicubic", align_corners=False
    ).movedim(1, -1)


def flow(x=0.0, y=0.0, zoom=1.0, angle=0.0, size=SIZE):
    """The motion (1, 2, size, size) of the picture when the camera goes from the middle to such a view."""
    before = _places(0, 0, 1, 0, size)
    c, s = math.cos(angle) * zoom, math.sin(angle) * zoom
    dx, dy = before[..., 0] - x, before[..., 1] - y
    after = torch.stack([c * dx + s * dy, c * dy - s * dx], dim=-1) / (c * c + s * s)
    return (after - before).movedim(-1, 0)[None]


def pan(frames, x=1.5, y=-1.0, seed=0):
    """A camera that moves steadily: (f, SIZE, SIZE, 3). The picture moves against it."""
    world = texture(seed=seed)
    return torch.cat([view(world, x * i, y * i) for i in range(frames)])


def _places(x, y, zoom, angle, size):
    line = torch.arange(size) - (size - 1) / 2
    v, u = torch.meshgrid(line, line, indexing="ij")
    c, s = math.cos(angle) * zoom, math.sin(angle) * zoom
    return torch.stack([c * u - s * v + x, s * u + c * v + y], dim=-1)
