"""The weights of a layer as autograd wants them: tensors that stay as they are until the backward pass."""

from typing import Any

import comfy.ops
import torch


def own_weights(layer: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weight and bias of one of the host's layers in the type and on the device of `x`, with its patches, in memory of their
    own: the host reuses the memory of weights that it streams, and autograd refuses what was made in inference mode."""
    with torch.inference_mode():  # the host's buffers were made in it
        weight, bias, offloaded = comfy.ops.cast_bias_weight(layer, x, offloadable=True)
    own = weight.detach().clone(), None if bias is None else bias.detach().clone()
    with torch.inference_mode():
        comfy.ops.uncast_bias_weight(layer, weight, bias, offloaded)
    return own
