"""The host's UNet and motion modules, fit for autograd for the duration of one model call."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from comfy.ldm.modules.attention import SpatialTransformer
from comfy.ldm.modules.diffusionmodules.openaimodel import ResBlock
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint

from ...motion.layers import MotionModule
from ...motion.own_weights import own_weights
from .hooks import replaced_forward


def _linear(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return F.linear(x, *own_weights(layer, x))


def _convolution(layer: Any, x: torch.Tensor) -> torch.Tensor:
    out: torch.Tensor = layer._conv_forward(x, *own_weights(layer, x))
    return out


def _group_norm(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return F.group_norm(x, layer.num_groups, *own_weights(layer, x), layer.eps)


def _layer_norm(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, layer.normalized_shape, *own_weights(layer, x), layer.eps)


_FORWARD: dict[type[nn.Module], Callable[[Any, torch.Tensor], torch.Tensor]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.GroupNorm: _group_norm,
    nn.LayerNorm: _layer_norm,
}


@contextmanager
def differentiable(*networks: nn.Module) -> Iterator[None]:
    """While this is open, autograd takes gradients with respect to what goes through the host's layers in `networks`,
    wherever their weights are and however they were made. To be opened outside inference mode. A layer whose forward
    another pack replaced is left alone."""
    with ExitStack() as stack:
        for layer in (module for network in networks for module in network.modules()):
            if getattr(layer, "weight", None) is not None and _is_plain(layer):
                for kind, forward in _FORWARD.items():
                    if isinstance(layer, kind):
                        stack.enter_context(replaced_forward(layer, partial(forward, layer)))
        yield


def _is_plain(layer: nn.Module) -> bool:
    """Whether `layer` is the host's, with weights of its own, and computes what its kind does."""
    return hasattr(layer, "comfy_cast_weights") and "forward" not in layer.__dict__


@contextmanager
def checkpointing(*networks: nn.Module, but: frozenset[nn.Module] = frozenset()) -> Iterator[None]:
    """While this is open, each block of UNets and each motion module in `networks`, `but` these, keeps its input only and is
    computed again in the backward pass: less memory for about a third more time."""
    with ExitStack() as stack:
        for module in (module for network in networks for module in network.modules()):
            if isinstance(module, ResBlock | SpatialTransformer | MotionModule) and module not in but:
                stack.enter_context(_recomputed(module))
        yield


def _recomputed(module: nn.Module) -> AbstractContextManager[None]:
    forward = module.forward

    def recomputed(*args: Any) -> Any:
        # The host writes its place in the UNet into transformer_options as it goes; each block keeps what it was given.
        own = (dict(value) if isinstance(value, dict) else value for value in args)
        return checkpoint(forward, *own, use_reentrant=False)

    return replaced_forward(module, recomputed)


def fit_for_autograd(patch: Callable[..., Any]) -> Callable[..., Any]:
    """`patch`, a function that another node has the UNet call: where it computes with tensors of its own that were made in
    inference mode, such as the weights of a hypernetwork or of GLIGEN, autograd takes gradients through it."""

    def fit(*args: Any, **named: Any) -> Any:
        with _OwnTensors():  # entered in each call, because the backward pass calls again, maybe in another thread
            return patch(*args, **named)

    return fit


class _OwnTensors(TorchFunctionMode):
    """Gives torch's functions copies of tensors that were made in inference mode, which autograd cannot keep."""

    def __torch_function__(
        self, function: Any, _types: Any, args: tuple[Any, ...] = (), named: Mapping[str, Any] | None = None
    ) -> Any:
        named = named or {}
        if not torch.is_grad_enabled() or _writes(function.__name__):
            return function(*args, **named)
        return function(*_owned(args), **{name: _owned(value) for name, value in named.items()})


def _writes(name: str) -> bool:
    """Whether a function of torch of this `name` writes into its first argument, where a copy would be of no use."""
    return name.startswith(("__i", "__set")) or (name.endswith("_") and not name.endswith("__"))


def _owned(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone() if value.is_inference() else value
    return type(value)(map(_owned, value)) if type(value) in (list, tuple) else value
