"""Models that torch.compile has compiled, as ComfyUI's node TorchCompileModel does it.

Compiled code serves every MODEL with the same UNet, and the host has it ignore changes of `transformer_options`: what the
first call finds there is what all later calls get. So compiled code must not see anything that Kinema puts there.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import torch
from comfy.patcher_extension import WrappersMP

WRAPPER = "torch.compile"
"""The host's key of the wrapper that puts the compiled UNet in place of the UNet."""

OURS = ("kinema", "kinema_call", "ad_params", "context_window")
"""The keys of `transformer_options` that calls of a MODEL without Kinema do not have."""


def runs_compiled(options: Mapping[str, Any]) -> bool:
    """Whether a model call with the host's `options` (`transformer_options`) runs code that torch.compile made."""
    compiled = WRAPPER in options.get("wrappers", {}).get(WrappersMP.APPLY_MODEL, {})
    return compiled and not (options.get("patches") or options.get("patches_replace"))


@contextmanager
def compilable(options: MutableMapping[str, Any]) -> Iterator[None]:
    """While this is open, a model call with the host's `options` (`transformer_options`) may run compiled code.

    `options` lose Kinema's keys meanwhile. Where patches of the attention may read them, the call runs uncompiled instead.
    """
    if WRAPPER not in options.get("wrappers", {}).get(WrappersMP.APPLY_MODEL, {}):
        yield
        return
    if options.get("patches") or options.get("patches_replace"):
        with torch.compiler.set_stance("force_eager"):
            yield
        return
    taken = {key: options.pop(key) for key in OURS if key in options}
    try:
        yield
    finally:
        options.update(taken)


@contextmanager
def uncompiled(options: Mapping[str, Any]) -> Iterator[None]:
    """While this is open, a model call with the host's `options` (`transformer_options`) runs no compiled code."""
    if WRAPPER not in options.get("wrappers", {}).get(WrappersMP.APPLY_MODEL, {}):
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield
