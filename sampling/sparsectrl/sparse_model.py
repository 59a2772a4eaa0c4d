"""From a file to the two halves of a SparseCtrl model: the host's ControlNet, and Kinema's motion modules for it."""

import copy
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.model_patcher
import comfy.ops
import torch
from comfy.cldm.cldm import ControlNet
from comfy.ldm.modules.diffusionmodules.openaimodel import TimestepEmbedSequential
from torch import nn

from ...motion.files import MotionFileError, opened
from ...motion.host import HostMotion, HostPatcher
from ...motion.load import build_patcher, check_finite, is_finite, kept_dtype, patch, read_weights
from ...motion.sparsectrl import Condition, SparseSpec, check_spatial, detect_sparsectrl

LATENT_LAYER = "input_blocks.0.0.weight"


@dataclass(frozen=True, eq=False)
class SparseModel:
    """A SparseCtrl file in memory. Several nodes and several links of a chain share it."""

    name: str  # of the file, for messages
    condition: Condition  # what its pictures are
    network: HostPatcher[Any]  # of a cldm ControlNet of the host
    motion: HostMotion  # its motion modules

    def on(self, device: torch.device) -> "SparseModel":
        """A deep copy for another `device`."""
        offload = comfy.model_management.unet_offload_device()
        halves = {
            half: comfy.model_patcher.ModelPatcher(copy.deepcopy(patcher.model), device, offload)
            for half, patcher in (("network", self.network), ("motion", self.motion))
        }
        return replace(self, **halves)


def load_sparsectrl(path: str | Path) -> SparseModel:
    """The SparseCtrl model in `path`. Raises MotionFileError."""
    path = Path(path)
    offload = comfy.model_management.unet_offload_device()
    with opened(path) as file:
        spec = detect_sparsectrl(file.header, file.metadata, path.name)
        keys = [*spec.spatial.values(), *spec.modules.values()]
        dtype = kept_dtype({key: file.header[key].meta() for key in keys})
        network = build_network(spec.network, spec.condition, dtype)
        check_spatial(spec, file.header, network.state_dict(), path.name)
        spatial = {name: file.stacked([key]).to(offload, dtype) for name, key in spec.spatial.items()}
        modules = read_weights(file, spec.modules, dtype)
    _check_finite(spec, spatial, path.name)
    check_finite(modules, path.name)
    logging.info('"%s" is a SparseCtrl model for %s pictures', path.name, spec.condition)
    motion = build_patcher(spec.motion, modules, path.name)
    return SparseModel(path.name, spec.condition, network_patcher(network, spatial), motion)


def build_network(arguments: Mapping[str, Any], condition: Condition, dtype: torch.dtype) -> nn.Module:
    """The spatial half without weights, from the `arguments` of the host's ControlNet class."""
    network: nn.Module = ControlNet(**arguments, operations=comfy.ops.manual_cast, dtype=dtype, device="meta")
    if condition == "rgb":  # latents need no convolutions that make them smaller
        channels, width = arguments["hint_channels"], arguments["model_channels"]
        embedding = comfy.ops.manual_cast.Conv2d(channels, width, 3, padding=1, dtype=dtype, device="meta")
        network.input_hint_block = TimestepEmbedSequential(embedding)
    return network.eval()


def _check_finite(spec: SparseSpec, weights: Mapping[str, torch.Tensor], name: str) -> None:
    if bad := [spec.published[key] for key, weight in weights.items() if not is_finite(weight)]:
        raise MotionFileError(
            f'"{name}" contains numbers that are not finite (NaN) in {len(bad)} of its weights, first in "{bad[0]}". The '
            "file is damaged: download it again."
        )


def network_patcher(network: nn.Module, weights: Mapping[str, torch.Tensor]) -> HostPatcher[nn.Module]:
    """A ModelPatcher of `network` with `weights`, whose latents do not count: the authors put zeros in their place."""
    patcher = patch(network, init=None, plain=False)
    still = {**weights, LATENT_LAYER: torch.zeros_like(weights[LATENT_LAYER])}
    network.load_state_dict(still, assign=True)
    return patcher
