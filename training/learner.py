"""What is being learned: a private float32 copy of a motion model, with the parameters that train."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import comfy.ops
import torch
from torch import nn

from ..motion.adjust import check_own_positions
from ..motion.families import FAMILIES
from ..motion.host import HostModel, HostMotion
from ..motion.keys import module_template
from ..motion.layers import MotionModel, TemporalAttention
from ..motion.load import build_patcher, fuse
from ..motion.save import check_only_motion, merged_weights
from ..motion.spec import Base, Family, MotionSpec
from ..sampling.call.slots import find_slots
from .draws import generator

USUAL_FAMILY: dict[Base, str] = {"sd15": "v3", "sdxl": "sdxl"}
"""What a new motion model becomes unless somebody says otherwise."""

STRUCTURES = ("v3", "v2", "v1")
"""The families that a new motion model for SD1.5 is offered to be."""

Weights = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Learner:
    """A motion model and what of it trains."""

    motion: MotionModel  # frozen, but for the parameters
    parameters: dict[str, nn.Parameter]  # what trains
    merge: Callable[
        [Weights], dict[str, torch.Tensor]
    ]  # from values of the parameters to weights of a whole MotionModel
    rates: Mapping[str, float] = field(
        default_factory=dict
    )  # learning rate of a parameter relative to the run's, if not 1
    others: tuple[nn.Module, ...] = ()  # networks next to the motion model that hold parameters
    shown: Callable[[Weights, torch.Tensor], Mapping[str, Any]] = (
        lambda values, latents: {}
    )  # from values of the parameters and a clip to what else the conditioning of a sample holds

    def to(self, device: torch.device) -> None:
        """Moves everything to `device`; the parameters stay the same objects."""
        for network in (self.motion, *self.others):
            network.to(device)
        for parameter in self.parameters.values():
            parameter.data = parameter.data.to(device)


def learn_motion_model(spec: MotionSpec, weights: Weights, like: MotionModel | None = None) -> Learner:
    """Trains all weights of a motion model from `weights` (names of MotionModel); positions as in `like`, if given."""
    motion = trainable_copy(spec, weights, like)
    motion.requires_grad_(True)
    return Learner(motion, dict(motion.named_parameters()), lambda values: dict(values))


def trainable_copy(spec: MotionSpec, weights: Weights, like: MotionModel | None) -> MotionModel:
    """A MotionModel in float32 that shares no memory with anything and that autograd accepts; nothing trains yet."""
    with torch.inference_mode(False):
        motion = MotionModel(spec, comfy.ops.disable_weight_init, device="meta", dtype=torch.float32)
        own = {
            name: weight.detach().to(torch.float32, copy=True, memory_format=torch.contiguous_format)
            for name, weight in weights.items()
        }
        motion.load_state_dict(own, assign=True)
        for name, module in motion.named_modules():
            if isinstance(module, TemporalAttention) and like is not None:
                module.positions = positions_at(like, name).detach().clone().float()
        return motion.requires_grad_(False)


def positions_at(motion: MotionModel, attention: str) -> torch.Tensor:
    """The position table of an attention, by its name in `motion`."""
    module = motion.get_submodule(attention)
    assert isinstance(module, TemporalAttention)
    return module.positions


def new_spec(model: HostModel, family: Family | None = None, max_frames: int | None = None) -> MotionSpec:
    """The spec of a new motion model for the UNet of `model` (MODEL).

    `family` None is the one of USUAL_FAMILY. Raises ValueError for models without a UNet.
    """
    slots = find_slots(model.model.diffusion_model)
    if not slots:
        kind = type(model.model.model_config).__name__
        raise ValueError(
            f"The connected MODEL is {kind}, which has no UNet to animate. Use an SD1.5 or SDXL checkpoint."
        )
    base: Base = "sd15" if any(place.startswith("down_blocks.3.") for place in slots) else "sdxl"
    family = family or FAMILIES[USUAL_FAMILY[base]]
    places = {place: slot for place, slot in slots.items() if family.mid or not place.startswith("mid_block.")}
    return MotionSpec(
        family, tuple((place, slot.width) for place, slot in places.items()), max_frames or family.max_frames
    )


def new_weights(spec: MotionSpec, seed: int) -> dict[str, torch.Tensor]:
    """Weights of a motion model that has learned nothing and so changes nothing: `proj_out` is zero (paper, 4.2).

    Linear layers start as torch's do: uniform within 1/sqrt(inputs).
    """
    weights = {}
    for place, width in spec.modules:
        random = generator(seed, "weights", place)
        for name, shape in module_template(width, spec.attentions).items():
            weights[f"{place}.{name}"] = _first_value(name, shape, width, random)
    return fuse(weights)


def _first_value(name: str, shape: tuple[int, ...], width: int, random: torch.Generator) -> torch.Tensor:
    if name.startswith("proj_out."):
        return torch.zeros(shape)
    if "norm" in name:
        return torch.ones(shape) if name.endswith("weight") else torch.zeros(shape)
    inputs = 4 * width if name.endswith("net.2.bias") else width if len(shape) == 1 else shape[1]
    return (torch.rand(shape, generator=random) * 2 - 1) / math.sqrt(inputs)


def start_new(model: HostModel, seed: int, family: Family | None = None, max_frames: int | None = None) -> Learner:
    """A new motion model for `model` (MODEL), to be trained from nothing."""
    spec = new_spec(model, family, max_frames)
    return learn_motion_model(spec, new_weights(spec, seed))


def start_from(motion: HostMotion) -> Learner:
    """`motion` (MOTION_MODEL), patches merged in, to be trained further; `motion` itself does not change."""
    check_only_motion(motion.model.spec)
    check_own_positions(motion, "training")
    return learn_motion_model(motion.model.spec, merged_weights(motion), motion.model)


def finished(learner: Learner, values: Weights, name: str) -> HostMotion:
    """A MOTION_MODEL, called `name` in messages, with `values` for the learner's parameters."""
    weights = {key: value.detach().cpu().clone() for key, value in learner.merge(values).items()}
    patcher = build_patcher(learner.motion.spec, weights, name)
    for key, module in patcher.model.named_modules():
        if isinstance(module, TemporalAttention):
            module.positions = positions_at(learner.motion, key).detach().to(module.positions.device)
    return patcher
