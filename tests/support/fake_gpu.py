"""A GPU that is not there: tensors that say they are on one, hold their numbers on the CPU, and refuse what a GPU refuses.

No machine that runs these tests needs a GPU for the mistake that only a GPU shows: arithmetic with tensors of two devices, or
NumPy given a tensor that is not in the CPU's memory. The host is the real one; only what it asks the driver is answered here.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import comfy.model_management
import comfy.model_patcher  # else torch's compiler is loaded while its functions are replaced
import pytest
import torch
from comfy.cli_args import args as host_args
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

GPU = torch.device("cuda", 0)
CPU = torch.device("cpu")
MEMORY = 64 * 2**30

MOVING = (Tensor.to, Tensor.type_as, Tensor.cpu, Tensor.cuda)


class OnGpu(Tensor):
    """A tensor whose device is GPU. `near` has its numbers."""

    near: Tensor

    @staticmethod
    def __new__(cls, near: Tensor) -> "OnGpu":
        made: OnGpu = Tensor._make_wrapper_subclass(cls, near.shape, strides=near.stride(), dtype=near.dtype)  # type: ignore[attr-defined]
        made.__dict__["near"] = near
        return made

    def __deepcopy__(self, memo: Any) -> "OnGpu":
        return OnGpu(copy.deepcopy(self.__dict__["near"], memo))

    def __repr__(self, **_more: Any) -> str:
        return f"OnGpu({self.__dict__['near']})"

    def tolist(self) -> Any:
        return self.__dict__["near"].tolist()

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _call(func, args, kwargs or {})

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return tree_map(_far, func(*tree_map(_near, args), **tree_map(_near, kwargs or {})))


class _Devices(TorchFunctionMode):
    """Sends to `_call` what names the GPU without having a tensor on it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = any(isinstance(leaf, OnGpu) or _is_gpu(leaf) for leaf in tree_leaves((args, kwargs or {})))
        if named and getattr(func, "__name__", "") != "_parse_to":
            return _call(func, args, kwargs or {})
        return func(*args, **(kwargs or {}))


def _is_gpu(value: Any) -> bool:
    return isinstance(value, torch.device | str) and str(value).startswith("cuda")


def _near(value: Any) -> Any:
    if isinstance(value, OnGpu):
        return value.__dict__["near"]
    return CPU if _is_gpu(value) else value


def _far(value: Any) -> Any:
    return OnGpu(value) if isinstance(value, Tensor) and not isinstance(value, OnGpu) else value


def _call(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """What a function of torch gives for tensors some of which may be on the GPU. Raises as torch does."""
    if func == Tensor.device.__get__:  # type: ignore[attr-defined]
        return GPU
    if func == Tensor.is_cuda.__get__:  # type: ignore[attr-defined]
        return True
    if func in (Tensor.numpy, Tensor.__array__):
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    on_gpu = [tensor for tensor in tensors if isinstance(tensor, OnGpu)]
    if func not in MOVING:
        _check_one_device(func, args, tensors)
    goes_far = _goes_far(func, args, kwargs, bool(on_gpu))
    near_args = tree_map(_near, args)
    with torch._C.DisableTorchFunctionSubclass():
        out = func(*near_args, **tree_map(_near, kwargs))
        if func in MOVING and out is near_args[0] and isinstance(args[0], OnGpu) != goes_far:
            out = out.clone()  # a move is a copy
    if not goes_far:
        return out
    known = {id(tensor.__dict__["near"]): tensor for tensor in on_gpu}  # what works in place gives its tensor back
    return tree_map(lambda value: known.get(id(value), _far(value)), out)


def _check_one_device(func: Any, args: Any, tensors: list[Tensor]) -> None:
    """Numbers without dimensions may be anywhere, and a tensor on the GPU takes indices from the CPU."""
    here = [tensor for tensor in tensors if not isinstance(tensor, OnGpu) and tensor.ndim > 0]
    if not any(isinstance(tensor, OnGpu) for tensor in tensors) or func == Tensor.copy_:
        return
    takes_indices = func in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[0], OnGpu)
    if [tensor for tensor in here if not (takes_indices and not tensor.is_floating_point())]:
        shapes = [f"{'cuda' if isinstance(tensor, OnGpu) else 'cpu'} {list(_near(tensor).shape)}" for tensor in tensors]
        name = getattr(func, "__name__", func)
        raise RuntimeError(f"Expected all tensors to be on the same device, but {name} got {', '.join(shapes)}")


def _goes_far(func: Any, args: Any, kwargs: dict[str, Any], by_inputs: bool) -> bool:
    """Whether the result is on the GPU."""
    if func in (Tensor.cpu, Tensor.cuda):
        return bool(func == Tensor.cuda)
    if func == Tensor.copy_:
        return isinstance(args[0], OnGpu)
    if func in (Tensor.to, Tensor.type_as):
        asked = [value for value in (*args[1:], *kwargs.values()) if isinstance(value, Tensor | torch.device | str)]
        return any(isinstance(value, OnGpu) or _is_gpu(value) for value in asked) if asked else by_inputs
    device = kwargs.get("device")
    return by_inputs if device is None else _is_gpu(device)


@contextmanager
def fake_gpu(patch: pytest.MonkeyPatch, gpu_only: bool = False) -> Iterator[None]:
    """While this is open, the host has a GPU with room for everything; with `gpu_only` it was started with --gpu-only."""
    host = comfy.model_management
    state = host.VRAMState.HIGH_VRAM if gpu_only else host.VRAMState.NORMAL_VRAM
    settings = {"cpu_state": host.CPUState.GPU, "vram_state": state, "set_vram_to": state, "NUM_STREAMS": 0}
    answers = {
        "get_torch_device": GPU, "should_use_fp16": False, "should_use_bf16": False, "device_supports_non_blocking": False,
        "lora_compute_dtype": torch.float32, "pin_memory": False, "soft_empty_cache": None,
        "supports_fp8_compute": False, "supports_nvfp4_compute": False, "supports_mxfp8_compute": False,
    }  # fmt: skip
    for name, value in settings.items():
        patch.setattr(host, name, value)
    for name, answer in answers.items():
        patch.setattr(host, name, lambda *_args, answer=answer, **_named: answer, raising=False)
    for name in ("get_free_memory", "get_total_memory"):
        patch.setattr(host, name, lambda *_args, **both: (MEMORY, MEMORY) if any(both.values()) else MEMORY)
    patch.setattr(host_args, "cpu", False)
    patch.setattr(host_args, "gpu_only", gpu_only)
    for name, number in (("synchronize", None), ("current_device", 0), ("set_device", None)):
        patch.setattr(torch.cuda, name, lambda *_args, number=number: number)
    compatible = torch._has_compatible_shallow_copy_type
    patch.setattr(
        torch,
        "_has_compatible_shallow_copy_type",  # modules get other parameters when they move
        lambda one, other: not isinstance(one, OnGpu) and not isinstance(other, OnGpu) and compatible(one, other),
    )
    with _Devices():
        yield
