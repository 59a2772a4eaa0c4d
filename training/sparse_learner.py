"""SparseCtrl as something to learn: a copy of the image model's encoder with motion modules in it, which is shown pictures
at a few frames of each clip.

Guo et al., "SparseCtrl: Adding Sparse Controls to Text-to-Video Diffusion Models" (2023), sections 3.2 and 4.1. The image
model and the motion model stay as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.ops
import torch
from comfy.cldm.cldm import ControlNet
from comfy.ldm.modules.diffusionmodules.openaimodel import TimestepEmbedSequential
from torch import nn

from ..motion.camera_layers import PIXELS_A_SIDE
from ..motion.host import HostModel, HostMotion
from ..motion.keys import HEADS, USUAL_HEADS
from ..motion.layers import MotionModel
from ..motion.load import build_patcher
from ..motion.save import merged_weights, published_weights, write_safetensors
from ..motion.sparsectrl import CHANNELS, SPARSECTRL, host_names
from ..motion.spec import BASE_NAMES, MotionSpec
from ..sampling.call.slots import network_name
from ..sampling.modules.hooks import motion_inside, plain_motion
from ..sampling.sparsectrl.condition import hint_of
from ..sampling.sparsectrl.placement import read_placement
from ..sampling.sparsectrl.sparse_control import SparseControl, SparseSettings
from ..sampling.sparsectrl.sparse_model import LATENT_LAYER, SparseModel, build_network, network_patcher
from .clip_batches import Batch
from .draws import generator
from .learner import Learner, Weights, trainable_copy
from .objective import Loss, Network

NETWORK, MODULES = "network.", "modules."
"""How the names of a learner's parameters begin: those of the spatial half and of the motion modules."""
CONFIGURED = (
    *("image_size", "in_channels", "model_channels", "num_res_blocks", "channel_mult", "transformer_depth"),
    *("transformer_depth_middle", "context_dim", "use_spatial_transformer", "use_linear_in_transformer", "legacy"),
)
"""Arguments that a ControlNet has in common with the UNet that it controls."""
FIRST_FRAME, BOTH_ENDS = 0.5, 0.25
"""Shares of the clips with a picture at frame 0, and at the first and the last frame; the others have 1 to MOST anywhere."""
MOST = 4


@dataclass(frozen=True, eq=False)
class SparseHalves:
    """The two halves of a SparseCtrl model for photographs, in float32, fit for autograd."""

    arguments: Mapping[str, Any]  # of the host's ControlNet class
    network: nn.Module  # that ControlNet
    modules: MotionModel  # its motion modules


def new_halves(model: HostModel, motion: HostMotion, seed: int) -> SparseHalves:
    """Halves for `model` (MODEL) and `motion` (MOTION_MODEL) that change nothing yet: the spatial half begins as the encoder
    of the UNet, the motion modules as those of `motion` without their second attention, and what they add is zero.
    Raises ValueError unless both are for SD1.5.
    """
    _check_bases(model, motion)
    config = model.model.model_config.unet_config
    heads = config.get("num_heads", USUAL_HEADS)
    arguments = {name: config[name] for name in CONFIGURED if name in config}
    arguments |= {"hint_channels": CHANNELS["rgb"] + 1, "num_heads": heads}
    with torch.inference_mode(False), torch.no_grad():
        network = _network(arguments, model.model.diffusion_model, seed)
        modules = _modules(motion)
    return SparseHalves(arguments, network, modules)


def _check_bases(model: HostModel, motion: HostMotion) -> None:
    needed = BASE_NAMES["sd15"]
    bases = {"MODEL": network_name(model.model), "motion model": BASE_NAMES[motion.model.spec.base]}
    for what, base in bases.items():
        if base != needed:
            raise ValueError(
                f"SparseCtrl exists only for {needed}, but the connected {what} is {base}. Connect an {needed} checkpoint "
                "and a motion model for it, such as mm_sd15_v3."
            )


def _network(arguments: Mapping[str, Any], unet: nn.Module, seed: int) -> nn.Module:
    network = ControlNet(**arguments, operations=comfy.ops.disable_weight_init, dtype=torch.float32, device="cpu")
    channels, width = arguments["hint_channels"], arguments["model_channels"]
    embedding = comfy.ops.disable_weight_init.Conv2d(channels, width, 3, padding=1, dtype=torch.float32, device="cpu")
    network.input_hint_block = TimestepEmbedSequential(embedding)
    encoder = unet.state_dict()
    weights = {
        name: encoder[name].detach().to("cpu", torch.float32, copy=True)
        if name in encoder
        else torch.zeros_like(weight)
        for name, weight in network.state_dict().items()
    }
    weights[LATENT_LAYER] = torch.zeros_like(weights[LATENT_LAYER])
    first = "input_hint_block.0.weight"
    random = generator(seed, "weights", first)
    shape = weights[first].shape
    weights[first] = (torch.rand(shape, generator=random) * 2 - 1) / shape[1:].numel() ** 0.5
    network.load_state_dict(weights, assign=True)
    trained: nn.Module = network.requires_grad_(True)
    network.get_parameter(LATENT_LAYER).requires_grad_(False)
    return trained


def _modules(motion: HostMotion) -> MotionModel:
    places = tuple(entry for entry in motion.model.spec.modules if entry[0].startswith("down_blocks."))
    spec = MotionSpec(SPARSECTRL, places, SPARSECTRL.max_frames, attentions=1)
    known = merged_weights(motion)
    needed = MotionModel(spec, comfy.ops.disable_weight_init, device="meta", dtype=torch.float32).state_dict()
    weights = {
        name: torch.zeros(weight.shape) if ".proj_out." in name else known[name] for name, weight in needed.items()
    }
    return trainable_copy(spec, weights, None).requires_grad_(True)


def learn_sparsectrl(motion: HostMotion, halves: SparseHalves) -> Learner:
    """Trains both halves; `motion` (MOTION_MODEL) only animates. Samples show the first frame of a clip."""

    def control(values: Weights, latents: torch.Tensor) -> dict[str, Any]:
        return {"control": _first_frame_control(values, halves, latents), "control_apply_to_uncond": True}

    own = trainable_copy(motion.model.spec, merged_weights(motion), motion.model)
    named = [(NETWORK + name, parameter) for name, parameter in halves.network.named_parameters()]
    named += [(MODULES + name, parameter) for name, parameter in halves.modules.named_parameters()]
    parameters = {name: parameter for name, parameter in named if parameter.requires_grad}
    still = {name: weight.detach() for name, weight in own.state_dict().items()}
    return Learner(own, parameters, lambda _: dict(still), others=(halves.network, halves.modules), shown=control)


def sparse_loss(halves: SparseHalves) -> Loss:
    """The loss of noise prediction with pictures of the clip itself at some of its frames."""

    def loss(network: Network, batch: Batch) -> Iterator[torch.Tensor]:
        noisy, target = network.diffusion.noised(batch.latents, batch.noise, batch.timesteps)
        frames = batch.latents.shape[1]
        hints = [
            hint_of(_shown(random, frames), clip) for clip, random in zip(batch.latents, batch.random, strict=True)
        ]
        context = network.context(batch.captions, frames, noisy.device)
        with motion_inside(halves.network, [plain_motion(halves.modules)], frames):
            control = halves.network(
                x=noisy.flatten(0, 1),  # (v*f, c, h, w), which its first layer multiplies by zero
                hint=torch.cat(hints),
                timesteps=batch.timesteps.repeat_interleave(frames).float(),
                context=context,
            )
            with network.animated(frames):
                predicted = network.predict(noisy, batch.timesteps, batch.captions, control=control)
                yield network.diffusion.error(predicted, target, batch.timesteps)

    return loss


def _shown(random: torch.Generator, frames: int) -> Sequence[int | None]:
    """Which picture stands at each frame: the frame itself, or none."""
    chance = float(torch.rand((), generator=random))
    if chance < FIRST_FRAME:
        places = [0]
    elif chance < FIRST_FRAME + BOTH_ENDS:
        places = [0, frames - 1]
    else:
        count = int(torch.randint(1, MOST + 1, (), generator=random))
        places = torch.randperm(frames, generator=random)[:count].tolist()
    return [frame if frame in places else None for frame in range(frames)]


@dataclass(frozen=True)
class _KnownLatents:
    """In the place of a VAE: what the pictures are as latents is known already."""

    latents: torch.Tensor  # (n, 4, h, w)

    def encode(self, _pixels: torch.Tensor) -> torch.Tensor:
        return self.latents


def _first_frame_control(values: Weights, halves: SparseHalves, latents: torch.Tensor) -> SparseControl:
    """A control by the halves with these `values` of their parameters, with the first of `latents` (f, c, h, w) at frame 0."""
    height, width = latents.shape[2:]
    control = SparseControl(_finished(values, halves), SparseSettings(read_placement("0")))
    control.set_cond_hint(
        torch.zeros(1, 3, PIXELS_A_SIDE * height, PIXELS_A_SIDE * width), vae=_KnownLatents(latents[:1])
    )
    return control


def _finished(values: Weights, halves: SparseHalves) -> SparseModel:
    dtype = torch.float32
    spatial = halves.network.state_dict() | _named(values, NETWORK)
    modules = halves.modules.state_dict() | _named(values, MODULES)
    network = build_network(halves.arguments, "rgb", dtype)
    own = {name: weight.detach().cpu().clone() for name, weight in spatial.items()}
    motion = {name: weight.detach().cpu().clone() for name, weight in modules.items()}
    name = "the SparseCtrl model in training"
    patcher = build_patcher(halves.modules.spec, motion, name)
    return SparseModel(name, "rgb", network_patcher(network, own), patcher)


def save_sparsectrl(
    values: Weights, halves: SparseHalves, path: Path, dtype: torch.dtype, metadata: Mapping[str, str]
) -> Path:
    """Writes the halves with these `values` of their parameters to `path`, in the published layout."""
    published = {host: name for name, host in host_names(halves.arguments, "rgb").items()}
    spatial = halves.network.state_dict() | _named(values, NETWORK)
    weights = {published[name]: weight for name, weight in spatial.items()}
    modules = trainable_copy(halves.modules.spec, halves.modules.state_dict() | _named(values, MODULES), halves.modules)
    weights |= published_weights(modules)
    heads = halves.arguments["num_heads"]
    about = metadata if heads == USUAL_HEADS else {**metadata, HEADS: str(heads)}
    return write_safetensors({name: weight.to(dtype) for name, weight in weights.items()}, path, about)


def _named(values: Weights, beginning: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(beginning): value for name, value in values.items() if name.startswith(beginning)}
