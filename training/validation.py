"""How much has been learned: the loss on a few clips whose noise level and noise never change."""

import math

import torch

from .clip_batches import Batches
from .config import TrainSettings
from .objective import Loss, Network
from .processes import Processes

ITEMS = 8
"""Clips that are measured, each with its own noise level and noise; a training on fewer clips measures some repeatedly."""
SPACING = 50
"""Clips that go through the model in training from one measurement to the next."""


def steps_between(settings: TrainSettings) -> int:
    """Steps from one measurement to the next. How many steps the run will do in the end plays no part, so that it can be
    raised."""
    return math.ceil(SPACING / (settings.batch_size * settings.accumulation))


def measured(network: Network, data: Batches, loss: Loss, processes: Processes) -> list[float]:
    """The loss on each item. Each of `processes` computes a share; neither the run's chance nor its gradients notice."""

    def mine() -> list[float]:
        return [_loss_on(item, network, data, loss) for item in processes.share(range(ITEMS))]

    shares = processes.together(mine)
    return [shares[item % processes.count][item // processes.count] for item in range(ITEMS)]


@torch.no_grad()
def _loss_on(item: int, network: Network, data: Batches, loss: Loss) -> float:
    return sum(term.item() for term in loss(network, data.fixed(item, ITEMS)))


def relative(losses: list[float], untrained: list[float]) -> float:
    """The mean of `losses` divided each by that of the `untrained` model, so that all noise levels count alike."""
    return sum(loss / max(first, 1e-12) for loss, first in zip(losses, untrained, strict=True)) / len(losses)
