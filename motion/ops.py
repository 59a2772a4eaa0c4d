"""The layers that motion modules are built from: the host's, whose matrix products take the fastest kernels there are."""

import comfy.ops
import torch
import torch.nn.functional as F

PICTURES = (16, 8, 4, 2, 1)
"""Into how many pictures the rows of a linear layer are divided, the first that fits. From a batch of 16 on, torch uses the
fast convolution with one thread; with several threads it always does."""


ONEDNN = torch.backends.mkldnn.is_available()
"""Whether this torch has the library of the fast convolution. Code that torch.compile makes cannot ask in between."""


class MotionOps(comfy.ops.manual_cast):  # type: ignore[misc]
    """The host's `manual_cast`; on a CPU in float32 a linear layer is a convolution of 1×1.

    Torch gives convolutions to oneDNN, which is two to three times as fast on AMD's processors as what torch gives matrix
    products to.
    """

    class Linear(comfy.ops.manual_cast.Linear):  # type: ignore[misc]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """`x` (..., i); returns (..., o)."""
            if not convolves(x):
                return super().forward(x)  # type: ignore[no-any-return]
            weight, bias, offloaded = comfy.ops.cast_bias_weight(self, x, offloadable=True)
            out = convolved(x, weight, bias)
            comfy.ops.uncast_bias_weight(self, weight, bias, offloaded)
            return out


def convolves(x: torch.Tensor) -> bool:
    """Whether a linear layer of `x` is a convolution: not in training, where it was not measured."""
    fits = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled()
    return fits and ONEDNN


def convolved(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """`F.linear(x, weight, bias)` for `x` (..., i), by a convolution."""
    rows = x.numel() // x.shape[-1]
    count = next(count for count in PICTURES if rows % count == 0)
    pictures = x.reshape(count, -1, 1, x.shape[-1]).permute(0, 3, 1, 2)  # (p, i, rows/p, 1)
    out = F.conv2d(pictures, weight[:, :, None, None], bias)
    return out.permute(0, 2, 3, 1).reshape(*x.shape[:-1], -1)  # (..., o), no copy: the pictures are channels-last
