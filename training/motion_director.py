"""MotionDirector's two ways to learn the motion of a clip without its appearance (arXiv 2310.08465).

Appearance branches, low-rank changes to the image model's attentions, learn the appearance from single frames and are
discarded afterwards. The loss also compares frames with one another, which leaves out what they have in common.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from comfy.ldm.modules.attention import CrossAttention
from torch import nn

from ..motion.host import HostModel
from ..motion.spec import IMAGE_SCHEDULE
from .clip_batches import Batch
from .draws import generator
from .learner import Learner
from .motion_lora import adding, low_rank
from .objective import Diffusion, Loss, Network, diffusion

APPEARANCE = "appearance."
RATE = 0.2  # of the motion's: 1e-4 for 5e-4 in the authors' settings
SKIPPED = 0.2  # the part of steps in which the motion learns without the appearance branches


@dataclass(frozen=True)
class Appearance:
    """Low-rank changes to linear layers of a UNet."""

    values: dict[str, nn.Parameter]  # {name: low-rank factor}
    paths: tuple[str, ...]  # of the linear layers that they change

    @contextmanager
    def inside(self, unet: nn.Module, learns: bool) -> Iterator[None]:
        """While this is open, the changes act in `unet`, and train if `learns`."""
        values = self.values if learns else {name: value.detach() for name, value in self.values.items()}
        with ExitStack() as stack:
            for path in self.paths:
                stack.enter_context(_changed(unet.get_submodule(path), adding(values, [APPEARANCE + path])))
            yield


@contextmanager
def _changed(layer: Any, function: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    before = layer.__dict__.get("weight_function")
    layer.weight_function = [*layer.weight_function, function]
    try:
        yield
    finally:
        del layer.weight_function
        if before is not None:
            layer.weight_function = before


def appearance(model: HostModel, rank: int, seed: int) -> Appearance:
    """Appearance branches of `rank` for `model` (MODEL) that change nothing yet."""
    unet = model.model.diffusion_model
    attentions = [path for path, module in unet.named_modules() if isinstance(module, CrossAttention)]
    paths = tuple(f"{path}.{layer}" for path in attentions for layer in ("to_q", "to_k", "to_v", "to_out.0"))
    values: dict[str, nn.Parameter] = {}
    with torch.inference_mode(False):
        for path in paths:
            rows, columns = unet.get_submodule(path).weight.shape
            values |= low_rank(APPEARANCE + path, rows, columns, rank, generator(seed, "appearance", path))
    return Appearance(values, paths)


def with_appearance(learner: Learner, looks: Appearance) -> Learner:
    """`learner` with the branches of `looks` as further parameters, at their own rate."""
    return replace(
        learner,
        parameters=learner.parameters | looks.values,
        rates={**learner.rates, **dict.fromkeys(looks.values, RATE)},
    )


def director_loss(model: HostModel, looks: Appearance | None, debias: bool) -> Loss:
    """The loss for motion LoRAs of `model` (MODEL): the paper's, with the appearance-debiased term if `debias`.

    Unless `looks` is None, they also learn, from one frame of each clip, noised with the image model's schedule.
    """
    image = diffusion(model, IMAGE_SCHEDULE)

    def loss(network: Network, batch: Batch) -> Iterator[torch.Tensor]:
        frames = batch.latents.shape[1]
        anchors = [int(torch.randint(frames, (), generator=random)) for random in batch.random]
        skipped = float(torch.rand((), generator=batch.random[0])) < SKIPPED
        if looks is None or skipped:
            yield from _motion(network, batch, anchors, debias)
            return
        with looks.inside(network.unet, learns=True):
            yield _still(network, batch, anchors, image)
        with looks.inside(network.unet, learns=False):
            yield from _motion(network, batch, anchors, debias)

    return loss


def _still(network: Network, batch: Batch, chosen: list[int], image: Diffusion) -> torch.Tensor:
    """The image model's own loss on one frame of each clip."""
    videos = torch.arange(len(chosen))
    clean = batch.latents[videos, chosen][:, None]  # (v, 1, c, h, w)
    noise = batch.noise[videos, chosen][:, None]  # (v, 1, c, h, w)
    noisy, target = image.noised(clean, noise, batch.timesteps)
    return F.mse_loss(network.predict(noisy, batch.timesteps, batch.captions), target)


def _motion(network: Network, batch: Batch, anchors: list[int], debias: bool) -> Iterator[torch.Tensor]:
    noisy, target = network.diffusion.noised(batch.latents, batch.noise, batch.timesteps)
    with network.animated(batch.latents.shape[1]):
        predicted = network.predict(noisy, batch.timesteps, batch.captions)
        loss = network.diffusion.error(predicted, target, batch.timesteps)
        if debias:
            loss = loss + F.mse_loss(debiased(predicted, anchors), debiased(target, anchors))
        yield loss


def debiased(x: torch.Tensor, anchors: list[int]) -> torch.Tensor:
    """`x` (v, f, c, h, w) relative to one frame of each video: sqrt(beta² + 1)·x - beta·x_anchor with beta = 1."""
    anchor = x[torch.arange(len(anchors)), anchors][:, None]
    return math.sqrt(2.0) * x - anchor
