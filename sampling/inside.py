"""Motion modules inside the host's UNet, for the span of one model call.

Torch hooks on the host's own layers add the motion and are removed when the call ends, however it ends: the UNet's
modules, weights and keys stay as they are, and nothing is left to clean up after an error or an interrupt.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..motion.layers import MotionModel, MotionModule
from ..motion.norms import joint_norm
from ..motion.positions import REFUSE, PositionRule
from ..motion.spec import NormPolicy
from ..motion.windowed import FrameWindows
from .slots import find_norms, find_slots


@dataclass(frozen=True)
class Motion:
    """One motion model at work in a call: its strength there, its norm policy (None: its family's), its positions, and
    the windows in which its modules see the frames (None: all at once)."""

    model: MotionModel
    strength: float = 1.0
    norms: NormPolicy | None = None
    positions: PositionRule = REFUSE
    windows: FrameWindows | None = None

    @property
    def policy(self) -> NormPolicy:
        return self.norms or self.model.spec.family.norms


@contextmanager
def motion_inside(unet: Any, motions: Sequence[Motion], frames: int) -> Iterator[None]:
    """While this is open, `unet` animates: its batch holds whole videos of `frames` latents each.

    Several motion models act one after the other at each place. A model of strength 0 is left out altogether.
    """
    active = [motion for motion in motions if motion.strength != 0]
    slots = find_slots(unet)
    with ExitStack() as stack:
        for motion in active:
            for place, _ in motion.model.spec.modules:
                hook = _hook(motion.model.at(place), motion, frames)
                stack.callback(slots[place].layer.register_forward_hook(hook).remove)
        for kind in ("resnet", "spatial"):
            if any(getattr(motion.policy, kind) == "joint" for motion in active):
                for norm in find_norms(unet, kind):
                    stack.enter_context(_joint(norm, frames))
        yield


def _hook(module: MotionModule, motion: Motion, frames: int) -> Any:
    def add_motion(_layer: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        animated: torch.Tensor = module(
            output, frames, motion.strength, motion.policy.module, motion.positions, motion.windows
        )
        return animated

    return add_motion


@contextmanager
def _joint(norm: Any, frames: int) -> Iterator[None]:
    """`norm` takes its statistics over the frames of each video, by an instance attribute that goes again.

    A hook could not do it without computing the host's norm first, for nothing.
    """

    def forward(x: torch.Tensor) -> torch.Tensor:
        return joint_norm(norm, x, x.shape[0] // frames)

    before = norm.__dict__.get("forward")
    norm.__dict__["forward"] = forward
    try:
        yield
    finally:
        if before is None:
            del norm.__dict__["forward"]
        else:
            norm.__dict__["forward"] = before
