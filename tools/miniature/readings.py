"""Hidden units of a motion model that multiply place, direction and time, before training has found a use for them.

Where a fish is in a frame is a product of three things: which way the prompt says it swims, which frame it is, and
where in the picture one looks. A motion module sees each of them: the place by the padding of the image model's
convolutions, the direction by its cross-attention to the text, the frame by the position table. Their product it sees
nowhere, and a product of three is what gradient descent finds last, published models in some 10^5 steps and not in the
miniature's 10^3. So some weights of a trained motion model are set by linear regression on what its modules see of
noisy clips: one head averages place and direction over the frames, which takes most of the noise off them, and four
hidden units write place · direction · time into a channel of its own. That channel is silent (its column of `proj_out`
is zero) until training makes use of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import torch
from torch import nn

from kinema.motion.layers import MotionModule, TemporalAttention, TemporalTransformerBlock
from kinema.training.clip_batches import Batches
from kinema.training.draws import clip_at
from kinema.training.learner import Learner
from kinema.training.objective import Network

RIDGE = 0.01
FREE_HEADS = (5, 6, 7)  # those that begin without a look at neighbouring frames; the weakest is taken
READING = 0.5  # how loud place and direction are written beside what the picture says
LOUDNESS = 2.0  # of the product in its channel


@torch.no_grad()
def multiply_readings(network: Network, data: Batches, directions: torch.Tensor) -> dict[str, int]:
    """Sets those weights of the motion model in `network`; returns the channel of the product at each place.

    `data` holds the clips, each with its direction (-1 or 1) in `directions`.
    """
    modules = {place: network.motion.at(place) for place, _ in network.motion.spec.modules}
    first_norms: dict[str, nn.Module] = {place: _block(module).norms[0] for place, module in modules.items()}
    readings = _watch(network, data, directions, first_norms, lambda seen: seen.mean(2, keepdim=True))
    for number, (place, module) in enumerate(modules.items()):
        _read(module, readings[place], data.clips.shape[0], number)
    last_norms = {place: _block(module).ff_norm for place, module in modules.items()}
    readings = _watch(network, data, directions, last_norms, lambda seen: seen)
    return {place: _multiply(module, readings[place]) for place, module in modules.items()}


def _block(module: MotionModule) -> TemporalTransformerBlock:
    block = module.transformer_blocks[0]
    assert isinstance(block, TemporalTransformerBlock)
    return block


def _attentions(block: TemporalTransformerBlock) -> list[TemporalAttention]:
    return [attention for attention in block.attention_blocks if isinstance(attention, TemporalAttention)]


def _linear(module: nn.Module, name: str) -> nn.Linear:
    layer = module.get_submodule(name)
    assert isinstance(layer, nn.Linear)
    return layer


def _watch(
    network: Network,
    data: Batches,
    directions: torch.Tensor,
    layers: Mapping[str, nn.Module],
    part: Callable[[torch.Tensor], torch.Tensor],
) -> dict[str, torch.Tensor]:
    """Readings, as of `_Regression`, of `part` of what `layers` answer while every clip goes through the UNet, noisy."""
    regressions: dict[str, _Regression] = {place: _Regression() for place in layers}
    videos = data.settings.batch_size
    shown = directions[:videos]

    def learn(place: str) -> Callable[..., None]:
        def hook(_layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
            seen = output.reshape(videos, -1, *output.shape[1:])  # (v, h*w, f, c)
            regressions[place].add(part(seen), shown)

        return hook

    hooks = [layer.register_forward_hook(learn(place)) for place, layer in layers.items()]
    for step in range(len(data.clips.clips) // videos):
        batch = data.at(step, 0)
        noisy, _ = network.diffusion.noised(batch.latents, batch.noise, batch.timesteps)
        first = step * videos
        shown = directions[[clip_at(first + i, len(directions), data.settings.seed) for i in range(videos)]]
        with network.animated(data.clips.shape[0]):
            network.predict(noisy, batch.timesteps, batch.captions)
    for hook in hooks:
        hook.remove()
    return {place: regression.readings() for place, regression in regressions.items()}


class _Regression:
    """Linear readings of place, direction and time, from features that are added up batch by batch."""

    def __init__(self) -> None:
        self.square: torch.Tensor | float = 0.0  # (c + 1, c + 1)
        self.cross: torch.Tensor | float = 0.0  # (c + 1, 3)

    def add(self, features: torch.Tensor, directions: torch.Tensor) -> None:
        """Takes features (v, h*w, f, c) of clips with `directions` (v,)."""
        rows = torch.cat([features.flatten(0, 2), torch.ones(features.shape[:3].numel(), 1)], 1)
        self.square = self.square + (rows.T @ rows).double()
        self.cross = self.cross + (rows.T @ _truth(features, directions)).double()

    def readings(self) -> torch.Tensor:
        """(c + 1, 3): weights and bias of each reading, scaled to a deviation of 1."""
        assert isinstance(self.square, torch.Tensor)
        count = self.square[-1, -1]
        ridge = RIDGE * count * torch.eye(len(self.square), dtype=torch.float64)
        weights = torch.linalg.solve(self.square + ridge, self.cross)
        variance = (weights * (self.square @ weights)).sum(0) / count - (self.square[-1] @ weights / count) ** 2
        readings: torch.Tensor = weights / variance.clamp(min=1e-12).sqrt()
        return readings.float()


def _truth(features: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
    """Place (-1.7 at the left to 1.7), direction and time (-1.7 to 1.7) for each of `features`, (v*h*w*f, 3).

    `directions` has that of each video, -1 or 1, shape (v,).
    """
    videos, places, frames, _ = features.shape
    width = int(places**0.5)
    across = torch.linspace(-1.7, 1.7, width).repeat(width)
    shape = (videos, places, frames)
    every = (
        across[None, :, None].expand(shape),
        directions[:, None, None].expand(shape),
        torch.linspace(-1.7, 1.7, frames).expand(shape),
    )
    return torch.stack([value.reshape(-1) for value in every], -1)


def _read(module: MotionModule, readings: torch.Tensor, frames: int, seed: int) -> None:
    """One head of the first attention writes place and direction, averaged over the frames, in random channels."""
    attention = _attentions(_block(module))[0]
    width = len(readings) - 1
    size = width // attention.heads
    qkv = _linear(attention, "to_qkv").weight
    out = _linear(attention, "to_out.0")

    def rows(head: int) -> slice:
        return slice(head * size, (head + 1) * size)

    values = qkv[2 * width :]
    head = min(FREE_HEADS, key=lambda head: float(out.weight[:, rows(head)].norm() * values[rows(head)].norm()))
    readings = readings[:, :2]
    for part in qkv.split(width):  # queries and keys of zero look at all frames alike
        part[rows(head)] = 0
    values[rows(head)][:2] = readings[:-1].T
    towards = READING * torch.randn(width, 2, generator=torch.Generator().manual_seed(seed))
    out.weight[:, rows(head)] = 0
    out.weight[:, rows(head)][:, :2] = towards
    positions = attention.positions[:frames].mean(0)
    out.bias.add_(towards @ (readings[-1] - readings[:-1].T @ positions))


def _multiply(module: MotionModule, readings: torch.Tensor) -> int:
    """The four weakest hidden units write place · direction · time into a channel that is cleared for it; which one.

    A unit is value · gelu(gate), and gelu is nearly a half plus a square: over the four signs of gate = ± direction ±
    time only the product of the two is left of it.
    """
    block = _block(module)
    place, direction, time = readings.T
    first = _linear(block.ff, "net.0.proj")
    last = _linear(block.ff, "net.2")
    values, gates = first.weight.chunk(2)
    value_biases, gate_biases = first.bias.chunk(2)
    units = (last.weight.norm(dim=0) * values.norm(dim=1)).argsort()[:4].tolist()
    channel = int(module.proj_out.weight.norm(dim=0).argmin())
    for layer in (module.proj_in, *(_linear(a, "to_out.0") for a in block.attention_blocks), last):
        layer.weight[channel], layer.bias[channel] = 0, 0
    module.proj_out.weight[:, channel] = 0
    for unit, (one, other) in zip(units, product((1, -1), (1, -1)), strict=True):
        gate = one * direction + other * time
        values[unit], value_biases[unit] = place[:-1], place[-1]
        gates[unit], gate_biases[unit] = gate[:-1], gate[-1]
        last.weight[:, unit] = 0
        last.weight[channel, unit] = LOUDNESS * one * other
    return channel


def use_of(learner: Learner, channels: Mapping[str, int]) -> Learner:
    """Trains only what the motion modules make of the products: a column of each `proj_out`."""
    names = {f"{place}.proj_out.weight": channel for place, channel in channels.items()}
    parameters = {name: learner.parameters[name] for name in names}
    learner.motion.requires_grad_(False)
    for name, parameter in parameters.items():
        parameter.requires_grad_(True)
        mask = torch.zeros_like(parameter)
        mask[:, names[name]] = 1
        parameter.register_hook(lambda gradient, mask=mask: gradient * mask)
    return Learner(learner.motion, parameters, lambda values: {**learner.motion.state_dict(), **values})
