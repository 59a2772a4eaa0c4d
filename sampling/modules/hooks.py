"""Motion modules inside the host's UNet, for the span of one model call.

Torch hooks on the host's own layers add the motion and are removed when the call ends, however it ends: the UNet's
modules, weights and keys stay as they are, and nothing is left to clean up after an error or an interrupt.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ...motion.control import Branch, Control, Value
from ...motion.layers import MotionModel, MotionModule
from ...motion.norms import joint_norm
from ...motion.positions import REFUSE, PositionRule
from ...motion.spec import NormPolicy
from ...motion.windowed import FrameWindows
from ..call.slots import find_norms, find_slots


@dataclass(frozen=True)
class Effect:
    """What varies from module to module: fields of Control, with values of the size (h, w) of the latents, or 1, for
    the frames of one conditioning."""

    strength: Value = 1.0
    scales: tuple[Value, ...] = ()
    enhance: tuple[Value | None, ...] = ()
    branches: Mapping[nn.Module, Sequence[Branch]] = field(default_factory=dict)


@dataclass(frozen=True)
class Motion:
    """One motion model at work in a call: its effect (at each place, or one for all), its norm policy (None: its
    family's), its positions, and the windows in which its modules see the frames (None: all at once)."""

    model: MotionModel
    effect: Effect | Mapping[str, Effect] = Effect()
    norms: NormPolicy | None = None
    positions: PositionRule = REFUSE
    windows: FrameWindows | None = None

    @property
    def policy(self) -> NormPolicy:
        return self.norms or self.model.spec.family.norms

    @property
    def effects(self) -> dict[str, Effect]:
        """The effect at each place where there is any."""
        effect = self.effect
        every = {p: effect if isinstance(effect, Effect) else effect[p] for p, _ in self.model.spec.modules}
        return {p: e for p, e in every.items() if isinstance(e.strength, torch.Tensor) or e.strength != 0}


@contextmanager
def motion_inside(unet: Any, motions: Sequence[Motion], frames: int) -> Iterator[None]:
    """While this is open, `unet` animates: its batch holds whole videos of `frames` latents each.

    Several motion models act one after the other at each place. Modules of strength 0 are left out altogether.
    """
    active = [(motion, effects) for motion in motions if (effects := motion.effects)]
    slots = find_slots(unet)
    with ExitStack() as stack:
        for motion, effects in active:
            for place, effect in effects.items():
                hook = _hook(motion.model.at(place), motion, effect, frames)
                stack.callback(slots[place].layer.register_forward_hook(hook).remove)
        for kind in ("resnet", "spatial"):
            if any(getattr(motion.policy, kind) == "joint" for motion, _ in active):
                for norm in find_norms(unet, kind):
                    stack.enter_context(_joint(norm, frames))
        yield


def _hook(module: MotionModule, motion: Motion, effect: Effect, frames: int) -> Any:
    def add_motion(_layer: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        animated: torch.Tensor = module(output, frames, _control(motion, effect, output))
        return animated

    return add_motion


def _control(motion: Motion, effect: Effect, x: torch.Tensor) -> Control:
    """`effect` for a module whose input is `x` (v*f, c, h, w)."""

    def fit(value: Value) -> Value:
        return _fit(value, x)

    return Control(
        fit(effect.strength),
        motion.policy.module,
        motion.positions,
        motion.windows,
        tuple(map(fit, effect.scales)),
        tuple(None if value is None else fit(value) for value in effect.enhance),
        {
            layer: [Branch(branch.change, branch.start, fit(branch.strength)) for branch in branches]
            for layer, branches in effect.branches.items()
        },
    )


def _fit(value: Value, x: torch.Tensor) -> Value:
    """`value` (f or 1, 1, h, w) for all the videos in `x` (v*f, c, h, w), in its size or 1."""
    if not isinstance(value, torch.Tensor):
        return value
    if value.shape[2:] != (1, 1):
        value = F.adaptive_avg_pool2d(value, (x.shape[2], x.shape[3]))
    return value.to(x).repeat(x.shape[0] // value.shape[0], 1, 1, 1)


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
