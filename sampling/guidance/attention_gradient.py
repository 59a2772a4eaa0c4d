"""The gradient of the distance between attention maps over frames by the latents of a model call, in place of the call's
prediction: so the host batches, cuts into windows and blends gradients as it does predictions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from comfy.ldm.modules.attention import attention_pytorch

from ...motion.host import HostNetwork
from ..call.caches import uncached
from ..call.call import Given
from ..call.compiled import uncompiled
from ..call.feature_cache import FeatureCache
from ..modules.differentiable import checkpointing, differentiable, fit_for_autograd
from ..modules.hooks import Motion, motion_inside
from .attention_goal import Attention, Strongest, distance, strongest, weights_of


@contextmanager
def attention_maps(
    base: HostNetwork, motions: Sequence[Motion], given: Given, wanted: Sequence[Attention]
) -> Iterator[dict[Attention, torch.Tensor]]:
    """The maps (v*b, n, f, f) of the `wanted` attentions of `motions` in a model call of `base` for what is `given`, which
    ends with the last of them. While this is open, the backward pass can compute parts of the call again."""
    seen: dict[Attention, torch.Tensor] = {}

    def watch(number: int, place: str, attention: int, q: torch.Tensor, k: torch.Tensor) -> None:
        seen[number, place, attention] = weights_of(q, k)
        if len(seen) == len(wanted):
            raise _Enough

    places = {(number, place) for number, place, _ in wanted}
    watched = [
        replace(
            motion,
            controls={
                place: replace(control, watch=partial(watch, number, place)) if (number, place) in places else control
                for place, control in motion.controls.items()
            },
        )
        for number, motion in enumerate(motions)
    ]
    unet = base.diffusion_model
    networks = (unet, *(network for motion in motions for network in motion.networks()))
    whole = frozenset(motions[number].model.at(place) for number, place in places)  # these are left in the middle
    options = _options(given.options)
    with (
        uncompiled(options),
        differentiable(*networks),
        checkpointing(*networks, but=whole),
        motion_inside(unet, watched, given.frames.count),
    ):
        with suppress(_Enough):
            base._apply_model(given.x, given.t, transformer_options=options, **given.conditions)
        yield seen


class _Enough(Exception):
    """All attentions that are wanted were seen: the rest of the UNet need not be computed."""


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The host's `options` (transformer_options) for a call with a backward pass. ControlNets and patches of the up blocks,
    such as FreeU, write into tensors: the former into copies, the latter are left out."""
    patches = {
        key: [fit_for_autograd(function) for function in functions]
        for key, functions in options.get("patches", {}).items()
        if key != "output_block_patch"
    }
    patches["input_block_patch_after_skip"] = [*patches.get("input_block_patch_after_skip", ()), _copy]
    replaced = {
        key: {place: fit_for_autograd(function) for place, function in functions.items()}
        for key, functions in options.get("patches_replace", {}).items()
    }
    changes = {"optimized_attention_override": _torch_attention, "patches": patches, "patches_replace": replaced}
    return uncached(options) | changes


def _copy(h: torch.Tensor, _options: Any) -> torch.Tensor:
    return h.clone()


def _torch_attention(_function: Any, *args: Any, **named: Any) -> torch.Tensor:
    """The host's optimized_attention_override: some of the attentions that a user can choose have no backward pass."""
    out: torch.Tensor = attention_pytorch(*args, **named)
    return out


def attentions_in(motions: Sequence[Motion], level: str) -> list[Attention]:
    """The attentions of the motion modules that act in a `level` of the UNet, such as "up_blocks.1"."""
    return [
        (number, place, attention)
        for number, motion in enumerate(motions)
        for place in motion.controls
        if place.startswith(f"{level}.")
        for attention in range(motion.model.spec.attentions)
    ]


def goals_of(
    base: HostNetwork, motions: Sequence[Motion], given: Given, wanted: Sequence[Attention], kept: FeatureCache | None
) -> dict[Attention, Strongest]:
    """What the `wanted` attentions look at most in a model call for what is `given`, kept for later steps that see the same
    frames in the same windows, with the weights of the same hooks."""
    hooks = base.current_patcher.current_hooks
    place = (given.frames.indices, _motion_windows(motions), given.x.shape, given.x.device)
    key = ("attention goals", tuple(wanted), *place, hooks)
    known = None if kept is None else kept.get(key)
    if known is None:
        with torch.no_grad(), attention_maps(base, motions, given, wanted) as maps:
            found = [strongest(maps[attention]) for attention in wanted]
        known = tuple(part for goal in found for part in (goal.values, goal.places))
        if kept is not None:
            kept.keep(key, known)
    pairs = zip(known[::2], known[1::2], strict=True)
    return {attention: Strongest(*pair) for attention, pair in zip(wanted, pairs, strict=True)}


def _motion_windows(motions: Sequence[Motion]) -> tuple[tuple[int, ...], ...]:
    """The windows in which the motion modules of a model call see its frames; none where they see all at once."""
    windows = next((control.windows for motion in motions for control in motion.controls.values()), None)
    return () if windows is None else tuple(map(tuple, windows.places.tolist()))


def gradient_of(
    base: HostNetwork, motions: Sequence[Motion], given: Given, goals: dict[Attention, Strongest]
) -> torch.Tensor:
    """The gradient of the distance from `goals` by the latents (v*f, c, h, w) that are `given`, for each video apart."""
    latents = given.x.clone().requires_grad_()
    own = {
        name: value.clone() if isinstance(value, torch.Tensor) else value for name, value in given.conditions.items()
    }
    elements = next(iter(goals.values())).values.numel()
    free = replace(given, x=latents, conditions=own)  # of tensors that were made in inference mode
    with torch.enable_grad(), attention_maps(base, motions, free, list(goals)) as maps:
        loss = distance(maps, goals) * elements  # in half precision the gradient of the mean would vanish
        (gradient,) = torch.autograd.grad(loss, latents)
    return gradient / elements
