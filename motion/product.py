"""The matrix product of a linear layer, by the kernels that are fastest where it runs."""

import math
from typing import Any

import comfy.ops
import torch
import torch.nn.functional as F

PICTURES = 16
"""With one thread torch takes the fast convolution from this batch size on; with several at any."""


def product(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """What the host's Linear `layer` gives for `x` (b, f, i): (b, f, o).

    On a CPU in float32 it is a convolution of 1×1 over pictures of positions by frames: torch gives those to oneDNN, which
    is two to three times as fast on AMD's processors as what torch gives matrix products to.
    """
    if not convolves(x):
        return layer(x)  # type: ignore[no-any-return]
    weight, bias, offloaded = comfy.ops.cast_bias_weight(layer, x, offloadable=True)
    pictures = x.reshape(math.gcd(len(x), PICTURES), -1, *x.shape[1:])  # (p, b/p, f, i)
    out = F.conv2d(pictures.permute(0, 3, 1, 2), weight[:, :, None, None], bias)
    comfy.ops.uncast_bias_weight(layer, weight, bias, offloaded)
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)  # (b, f, o), no copy: the pictures are channels-last


def convolves(x: torch.Tensor) -> bool:
    """Whether `product` is a convolution for `x`: not in training, where it was not measured."""
    fits = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled()
    return fits and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
