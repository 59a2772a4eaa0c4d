"""Weights and inputs by rule, of which the results of the authors' own classes are known.

They were computed in float64 with the widths of tiny.SD15_WIDTHS, 8 heads and a context of 32.
"""

import math
import zlib

import comfy.utils
import numpy as np
import tiny
import torch
from compare import GOLDEN


def numbers(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Numbers of mean 0 and variance 1 that depend on `name`, in float64."""
    phase = zlib.crc32(name.encode()) % 997
    i = np.arange(1, math.prod(shape) + 1, dtype=np.float64)
    u = np.modf(43758.5453 * np.sin(12.9898 * i + 78.233 * phase))[0] % 1.0
    return torch.from_numpy((2 * u - 1) * math.sqrt(3)).reshape(shape)


def weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """The weight with the published `name`."""
    values = numbers(name, shape)
    if len(shape) > 1:
        return values / math.sqrt(math.prod(shape[1:]))
    return 0.1 * values + (1.0 if name.endswith("weight") else 0.0)


def fill(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """All of `weights`, of a file in the published layout, by rule; position tables stay as they are."""
    return {k: w if k.endswith("pos_encoder.pe") else weight(k, tuple(w.shape)) for k, w in weights.items()}


def fill_unet(model, **own: torch.Tensor) -> None:
    """Puts the weights by rule into the UNet of `model` (MODEL of exact.image_model), whose names in the rule are
    diffusers'; `own` are others, by these names with underscores for dots."""
    unet = model.model.diffusion_model
    state = unet.state_dict()
    names = comfy.utils.unet_to_diffusers(model.model.model_config.unet_config)
    filled = {
        ours: own.get(theirs.replace(".", "_"), weight(theirs, tuple(state[ours].shape)))
        for theirs, ours in names.items()
        if ours in state
    }
    assert filled.keys() == state.keys()
    unet.load_state_dict(filled)


def context() -> torch.Tensor:
    return numbers("input:context", (1, 5, tiny.CONTEXT))


def assert_golden(result: torch.Tensor, mean: float, first: tuple[float, float, float], last: float) -> None:
    """That the mean of absolute values, the first three values and the last are those of the authors, to GOLDEN of the
    largest value."""
    flat = result.detach().double().flatten()
    known = torch.tensor([mean, *first, last], dtype=torch.float64)
    found = torch.cat([flat.abs().mean()[None], flat[:3], flat[-1:]])
    apart = float((found - known).abs().max() / flat.abs().max())
    assert apart <= GOLDEN, f"{apart:.2g} apart: {found.tolist()}"
