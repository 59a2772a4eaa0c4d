"""Animation Guidance: classifier-free guidance whose scale varies over frames, steps and the picture; rescaled; PAG.

Rescaling: Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), equations 14 to 16.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from comfy.samplers import CFGGuider

from ...motion.host import HostConds, HostGuider, HostNetwork, HostOptions
from ..call.call import call_of, telling
from ..call.moment import Curve, PerFrame, moment_at, moment_of
from ..curves.curve import value_at
from .other_nodes import is_kinemas, with_scale
from .perturbed_attention import perturbed

ALWAYS = "disable_cfg1_optimization"
"""The host's name in model_options for: the pass without the prompt is needed also where cfg is 1."""

AROUND = ("sampler_pre_cfg_function", "sampler_post_cfg_function")
"""The host's lists of functions before and after the two predictions are combined."""


@dataclass(frozen=True)
class Guidance:
    """What takes the place of the sampler's cfg."""

    cfg: float | Curve  # classifier-free guidance scale; 1: none
    rescale: float | Curve = 0.0  # share (0..1) by which the result gets the conditional prediction's deviation back
    pag: float | Curve = 0.0  # scale of perturbed-attention guidance, which comes last


class SamplersCfg(float):
    """The cfg that the sampler was given. A node that overrides it for some steps puts a plain number in its place."""


@contextmanager
def replacing_cfg(guider: HostGuider) -> Iterator[None]:
    """For the span of a run of the host's `guider`, its cfg is one that Animation Guidance may replace.

    Raises ValueError for a guider that combines its predictions in another way than with one cfg.
    """
    if type(guider).predict_noise is not CFGGuider.predict_noise:
        raise ValueError(
            f"Animation Guidance replaces the single cfg of a sampler, but the guider {type(guider).__name__} combines its "
            "predictions in another way. Use KSampler or CFGGuider, or remove Animation Guidance."
        )
    given = guider.cfg
    guider.set_cfg(SamplersCfg(given))
    try:
        yield
    finally:
        guider.set_cfg(given)


@contextmanager
def guided(
    guidance: Guidance, guider: HostGuider, x: torch.Tensor, sigma: torch.Tensor, model_options: HostOptions
) -> Iterator[HostOptions]:
    """`model_options` for a prediction by the host's `guider` for `x` (f, c, h, w) at noise level `sigma`, in which the
    two predictions are combined by `guidance`. A number becomes the cfg of the guider for the span of the prediction,
    so that the host does everything as at that cfg."""
    before = guider.cfg
    moment = moment_of(x, sigma, guider.inner_model.model_sampling, model_options["transformer_options"])
    cfg = _on(value_at(guidance.cfg, moment), x) if isinstance(before, SamplersCfg) else before
    rescale = _on(value_at(guidance.rescale, moment), x)
    if guider.conds.get("negative") is None and (isinstance(cfg, torch.Tensor) or cfg != 1):
        raise ValueError(
            "Animation Guidance needs a negative prompt to guide away from, but this guider has none. Use KSampler or "
            "CFGGuider."
        )
    if isinstance(cfg, torch.Tensor):
        model_options = _varying(cfg, model_options)
        cfg = before
    if isinstance(rescale, torch.Tensor) or rescale != 0:
        combine = model_options.get("sampler_cfg_function", _combined)
        model_options = {**model_options, "sampler_cfg_function": partial(_rescaled, rescale, combine)}
    guider.set_cfg(cfg)
    try:
        yield model_options
    finally:
        guider.set_cfg(before)


def _varying(cfg: torch.Tensor, model_options: HostOptions) -> HostOptions:
    """`model_options` in which the functions of other nodes, and what combines the two predictions, have `cfg` (f, 1, h
    or 1, w or 1) as their cond_scale."""
    combine = model_options.get("sampler_cfg_function")
    around = {name: list(model_options.get(name, ())) for name in AROUND}
    others = [function for functions in around.values() for function in functions if not is_kinemas(function)]
    skips = combine is None and not others and not model_options.get(ALWAYS, False)
    return {
        **telling(model_options, skips_uncond=skips),
        **{name: [with_scale(function, cfg) for function in functions] for name, functions in around.items()},
        "sampler_cfg_function": with_scale(combine or _combined, cfg),
        ALWAYS: True,
    }


def needed(
    guidance: Guidance,
    conds: HostConds,
    latents: torch.Tensor,
    sigma: torch.Tensor,
    model: HostNetwork,
    options: HostOptions,
) -> HostConds:
    """`conds` (the host's positive and negative) of a model call of `latents` (f, c, h, w), without the negative where
    the cfg varies, is 1 for all frames of the call, and nothing else needs it. `options` are the transformer_options."""
    call = call_of(options)
    if len(conds) != 2 or None in conds or not call.skips_uncond:
        return conds
    assert call.frames is not None
    moment = moment_at(call.frames, (latents.shape[2], latents.shape[3]), sigma, model.model_sampling, options)
    cfg = value_at(guidance.cfg, moment)
    return [conds[0], None] if not isinstance(cfg, torch.Tensor) and cfg == 1 else conds


def pushed_by_pag(guidance: Guidance, args: dict[str, Any]) -> torch.Tensor:
    """The result of the host's sampler_post_cfg_function with `args`: perturbed-attention guidance."""
    options = args["model_options"]["transformer_options"]
    moment = moment_of(args["input"], args["sigma"][0], args["model"].model_sampling, options)
    return perturbed(value_at(guidance.pag, moment), args)


def _combined(args: dict[str, Any]) -> torch.Tensor:
    """The host's sampler_cfg_function where no node set one: the noise part x - (uncond + cfg·(cond - uncond))."""
    uncond = args["uncond_denoised"]
    return args["input"] - (uncond + (args["cond_denoised"] - uncond) * args["cond_scale"])  # type: ignore[no-any-return]


def _rescaled(share: PerFrame, combine: Callable[[Any], Any], args: dict[str, Any]) -> torch.Tensor:
    """The host's sampler_cfg_function: what `combine`, another one, gives, rescaled by a `share`."""
    x: torch.Tensor = args["input"]
    return x - rescaled(x - combine(args), args["cond_denoised"], x, args["sigma"], share)


def rescaled(
    guided: torch.Tensor, cond: torch.Tensor, x: torch.Tensor, sigma: torch.Tensor, share: PerFrame
) -> torch.Tensor:
    """`guided` (f, c, h, w), a denoised picture, with the standard deviation of each frame brought back to that of
    `cond` by a `share` 0..1, measured on velocities v = (x / (s² + 1) - denoised)·sqrt(s² + 1) / s, s is sigma."""
    sigma = sigma.view(-1, 1, 1, 1)
    flat = x / (sigma**2 + 1)
    factor = (sigma**2 + 1).sqrt() / sigma
    v = (flat - guided) * factor
    v_cond = (flat - cond) * factor
    ratio = v_cond.std((1, 2, 3), keepdim=True) / v.std((1, 2, 3), keepdim=True)
    return flat - v * (share * ratio + (1 - share)) / factor


def _on(value: PerFrame, x: torch.Tensor) -> PerFrame:
    return value.to(x) if isinstance(value, torch.Tensor) else value
