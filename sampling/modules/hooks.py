"""Motion modules inside the host's UNet, for the span of one model call.

Torch hooks on the host's own layers add the motion and are removed when the call ends, however it ends: the UNet's
modules, weights and keys stay as they are, and nothing is left to clean up after an error or an interrupt.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import nn

from ...motion.control import Control
from ...motion.layers import MotionModel, MotionModule
from ...motion.norms import joint_norm
from ...motion.picture_parts import CONV_IN
from ...motion.spec import NormPolicy
from ..call.slots import find_norms, find_slots, first_layer


class Addition(Protocol):
    """What is added to the output of a layer."""

    def __call__(self, output: torch.Tensor) -> torch.Tensor:
        """What is added to `output` (v*f, c, h, w), in that shape."""

    def in_tensors(self, frames: int, device: torch.device) -> "Addition":
        """The same with a tensor for each number."""


@dataclass(frozen=True)
class Motion:
    """One motion model at work in a model call."""

    model: MotionModel  # the motion modules
    controls: Mapping[str, Control]  # how the motion module at each place acts; a place that is absent is off
    norms: NormPolicy  # over which frames its norms and those of the UNet take their statistics
    pictures: Mapping[str, Addition] = field(default_factory=dict)  # what its picture adds at places, or in conv_in

    def networks(self) -> Iterator[nn.Module]:
        """The networks that act: its motion modules, and what motion LoRAs and cameras have beside them."""
        yield self.model
        for control in self.controls.values():
            if control.merge is not None:
                yield control.merge.layer
            yield from (branch.change for branches in control.branches.values() for branch in branches)

    def in_tensors(self, frames: int, device: torch.device) -> "Motion":
        """The same with a tensor for each number of its controls and pictures."""
        return replace(
            self,
            controls={place: control.in_tensors(frames, device) for place, control in self.controls.items()},
            pictures={place: picture.in_tensors(frames, device) for place, picture in self.pictures.items()},
        )


def plain_motion(model: MotionModel, norms: NormPolicy | None = None) -> Motion:
    """`model` at full strength everywhere, with `norms` or those of its family."""
    policy = norms or model.spec.family.norms
    control = Control(norm=policy.module)
    return Motion(model, {place: control for place, _ in model.spec.modules}, policy)


@contextmanager
def motion_inside(unet: Any, motions: Sequence[Motion], frames: int) -> Iterator[None]:
    """While this is open, `unet` animates: its batch holds whole videos of `frames` latents each.

    Several motion models act one after the other at each place, each after its picture. Modules that are off are left out
    altogether.
    """
    active = [motion for motion in motions if motion.controls]
    slots = find_slots(unet)
    with ExitStack() as stack:
        for motion in motions:
            for place, addition in motion.pictures.items():
                layer = first_layer(unet) if place == CONV_IN else slots[place].layer
                stack.enter_context(_marked(layer))
                stack.callback(layer.register_forward_hook(_picture_hook(addition)).remove)
            for place, control in motion.controls.items():
                layer = slots[place].layer
                stack.enter_context(_marked(layer))
                hook = _hook(motion.model.at(place), control, frames)
                stack.callback(layer.register_forward_hook(hook).remove)
        for kind in ("resnet", "spatial"):
            if any(getattr(motion.norms, kind) == "joint" for motion in active):
                for norm in find_norms(unet, kind):
                    stack.enter_context(_joint(norm, frames))
        yield


def _hook(module: MotionModule, control: Control, frames: int) -> Any:
    def add_motion(_layer: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        animated: torch.Tensor = module(output, frames, control.fit(output))
        return animated

    return add_motion


def _marked(layer: nn.Module) -> AbstractContextManager[None]:
    """While this is open, code that torch.compile made of `layer` without motion is not used.

    Compiled code notices that `forward` was replaced. It does not notice a hook where there was none.
    """
    plain = layer.forward

    def forward(*inputs: Any, **named: Any) -> torch.Tensor:
        output: torch.Tensor = plain(*inputs, **named)
        return output

    return replaced_forward(layer, forward)


def _picture_hook(addition: Addition) -> Any:
    def add_picture(_layer: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        return output + addition(output)

    return add_picture


def _joint(norm: Any, frames: int) -> AbstractContextManager[None]:
    """While this is open, `norm` takes its statistics over the frames of each video.

    A hook could not do it without computing the host's norm first, for nothing.
    """

    def forward(x: torch.Tensor) -> torch.Tensor:
        return joint_norm(norm, x, x.shape[0] // frames)

    return replaced_forward(norm, forward)


@contextmanager
def replaced_forward(module: nn.Module, forward: Callable[..., torch.Tensor]) -> Iterator[None]:
    """While this is open, `module` computes `forward`, by an instance attribute that is removed again."""
    before = module.__dict__.get("forward")
    module.__dict__["forward"] = forward
    try:
        yield
    finally:
        if before is None:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = before
