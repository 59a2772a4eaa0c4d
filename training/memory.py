"""How much memory a step needs, and whether gradient checkpointing has to save some of it."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import comfy.model_management
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from .clip_batches import Batches
from .objective import Loss, Network
from .state import State

FEW, MORE = 2, 4
"""Frames of the two short clips whose tensors are counted."""
SPARE = 1.2
"""What a backward pass takes at its peak, relative to the tensors that were kept for it. An estimate."""
BYTES = 4
"""Of a number in float32."""


def checkpointing_is_needed(
    network: Network, others: Iterable[nn.Module], state: State, data: Batches, loss: Loss, tell: Callable[[str], None]
) -> bool:
    """Whether a step does not fit into the memory that is free on the device, which is told to the user."""
    needed = step_bytes(network, others, state, data, loss)
    free = comfy.model_management.get_free_memory(data.device)
    if needed <= free:
        return False
    tell(
        f"Gradient checkpointing was turned on, because a step without it needs about {needed / 1e9:.1f} GB, but only "
        f"{free / 1e9:.1f} GB are free. With it, a step takes about a third longer; the result is the same."
    )
    return True


def step_bytes(network: Network, others: Iterable[nn.Module], state: State, data: Batches, loss: Loss) -> float:
    """What a step takes on top of the models, the parameters and their average: what the backward pass keeps, the gradients,
    and the optimizer's two averages if there are none yet. Counted on two short clips, from which it follows for longer ones
    because each frame adds the same."""
    networks = [network.unet, network.motion, *others]
    few = _kept_bytes(networks, network, data, loss, FEW)
    more = _kept_bytes(networks, network, data, loss, MORE)
    frames = data.settings.batch_size * data.clips.shape[0]
    kept = few + (more - few) / (MORE - FEW) * (frames - FEW)
    numbers = 1 if state.optimizer.state else 3
    return SPARE * kept + numbers * BYTES * sum(parameter.numel() for parameter in state.parameters.values())


def _kept_bytes(networks: Iterable[nn.Module], network: Network, data: Batches, loss: Loss, frames: int) -> int:
    """The bytes that are kept for the backward pass of one clip of so many frames, apart from weights."""
    weights = {weight.untyped_storage().data_ptr() for each in networks for weight in each.state_dict().values()}
    most = 0
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    batch = data.fixed(0, 1)
    short = replace(batch, latents=_repeated(batch.latents, frames), noise=_repeated(batch.noise, frames))
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        for _ in loss(network, short):
            most = max(most, sum(kept.values()))
            kept.clear()
    return most


def _repeated(video: torch.Tensor, frames: int) -> torch.Tensor:
    """The first `frames` of `video` (v, f, c, h, w), which begins anew where it is shorter."""
    order = torch.arange(frames, device=video.device) % video.shape[1]
    return video[:, order]
