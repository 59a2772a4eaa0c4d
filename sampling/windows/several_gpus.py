"""The windows of a model call on several GPUs at once, each group of windows on one of them.

The host's MultiGPU node gives a MODEL a copy for each further GPU. Left alone, the host distributes the conditionings of one
window after the other: with two prompts, a third GPU has nothing to do, and copies wait for each other in every window.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch

from ..call.caches import cache_node
from .controlnets import all_follow

Result = TypeVar("Result")

CLONES = "multigpu_clones"
"""The host's key for the copies of the model in the model_options: a dict by device, the MODEL's own among them."""
POOL = "multigpu_thread_pool"
"""The host's key for its threads, one for each device."""


@dataclass(frozen=True)
class Gpus:
    """The devices that compute windows at the same time."""

    devices: tuple[torch.device, ...]  # one or more; the first is that of the latents
    pool: Any = None  # the host's threads, one for each device; None with one device

    @classmethod
    def of(cls, model_options: Mapping[str, Any], latents: torch.Tensor) -> "Gpus":
        """Those of a run with the host's `model_options`."""
        pool = model_options.get(POOL)
        devices = tuple(model_options.get(CLONES, ()))
        return cls((latents.device,)) if pool is None or len(devices) < 2 else cls(devices, pool)

    def sentence(self, reason: str) -> str:
        """What the sampler's node says of them; with a `reason` why windows are not distributed."""
        count = len(self.devices)
        if reason:
            return (
                f"Windows are not distributed over the {count} GPUs, because {reason}. "
                "Instead, the prompts of each window are distributed over the GPUs."
            )
        return f"Windows are distributed over {count} GPUs."

    def at_once(self, windows: int, most: int) -> int:
        """How many of `windows` go through one UNet together, at most `most`, so that every device has its share."""
        return max(1, min(most, -(-windows // len(self.devices))))

    def options_of(self, device: torch.device, model_options: dict[str, Any]) -> dict[str, Any]:
        """`model_options` for a model call that `device` computes alone."""
        if self.pool is None:
            return model_options
        alone = {name: value for name, value in model_options.items() if name != POOL}
        return {**alone, CLONES: {device: model_options[CLONES][device]}}

    def run(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        """What `calls` give, one for each of the first devices. Where some fail, the others finish before the first error
        is raised: the host frees the models then."""
        if self.pool is None:
            return [call() for call in calls]
        used = self.devices[: len(calls)]
        is_inference = torch.is_inference_mode_enabled()  # which is a setting of each thread
        for device, call in zip(used, calls, strict=True):
            self.pool.submit(device, partial(_in_thread, call, is_inference))
        outcomes = [self.pool.get_result(device) for device in used]
        for _, error in outcomes:
            if error is not None:
                raise error
        return [result for result, _ in outcomes]


def _in_thread(call: Callable[[], Result], is_inference: bool) -> Result:
    with torch.inference_mode(is_inference):
        return call()


def why_one_by_one(model_options: Mapping[str, Any], conds: Sequence[Any], watches_attention: bool) -> str:
    """The reason why windows are not distributed over several GPUs, as a part of a sentence; "" where they are."""
    options = model_options.get("transformer_options", {})
    entries = [entry for each in conds for entry in each or ()]
    if any(entry.get("hooks") is not None for entry in entries):
        return "prompts have hooks, which change the weights from one model call to the next"
    if cache := cache_node(options):
        return f"{cache} compares each model call with the one before"
    if watches_attention:
        return "Self-Attention Guidance collects what it sees in all windows"
    if not all_follow(conds):
        return "a ControlNet from another node pack accepts only one window at a time"
    return ""
