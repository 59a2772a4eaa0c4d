"""Animation Guidance: classifier-free guidance whose scale varies over frames, steps and the picture; rescaled; PAG.

Rescaling: Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), equations 14 to 16.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from comfy.samplers import CFGGuider

from ..call.call import call_of, telling
from ..call.host import HostGuider, HostNetwork
from ..call.moment import Curve, Moment, PerFrame, moment_of
from ..call.progress import progress_of
from ..curves.curve import value_at
from .perturbed_attention import perturbed

ALWAYS = "disable_cfg1_optimization"
"""The host's name in model_options for: the pass without the prompt is needed also where cfg is 1."""


@dataclass(frozen=True)
class Guidance:
    """What takes the place of the sampler's cfg."""

    cfg: float | Curve
    rescale: float | Curve = 0.0  # share (0..1) by which the result gets the conditional prediction's deviation back
    pag: float | Curve = 0.0  # scale of perturbed-attention guidance, which comes last


def guiding(
    guidance: Guidance, guider: HostGuider, x: torch.Tensor, sigma: Any, model_options: Mapping[str, Any]
) -> Any:
    """`model_options` for a prediction by the host's `guider` for `x` (f, c, h, w) at noise level `sigma`, in which the
    two predictions are combined by `guidance`. Raises ValueError for a guider that combines them in another way."""
    if type(guider).predict_noise is not CFGGuider.predict_noise:
        raise ValueError(
            f"Animation Guidance replaces the one cfg of a sampler, but the guider {type(guider).__name__} combines its "
            "predictions in another way. Use KSampler or CFGGuider, or remove Animation Guidance."
        )
    moment = moment_of(x, sigma, guider.inner_model.model_sampling, model_options["transformer_options"])
    cfg = _on(value_at(guidance.cfg, moment), x)
    rescale = _on(value_at(guidance.rescale, moment), x)
    combine = partial(_combine, cfg, rescale, model_options.get("sampler_cfg_function"))
    told = telling(model_options, needs_uncond=model_options.get(ALWAYS, False))
    return {**told, "sampler_cfg_function": combine, ALWAYS: True}


def needed(
    guidance: Guidance,
    conds: Sequence[Any],
    latents: torch.Tensor,
    sigma: Any,
    model: HostNetwork,
    options: Mapping[str, Any],
) -> Sequence[Any]:
    """`conds` (the host's positive and negative) of a model call of `latents` (f, c, h, w), without the negative where
    cfg is 1 for all frames of the call and nothing else needs it. `options` are the transformer_options."""
    call = call_of(options)
    if len(conds) != 2 or None in conds or call.needs_uncond:
        return conds
    assert call.frames is not None
    moment = Moment(
        call.frames, (latents.shape[2], latents.shape[3]), progress_of(sigma, model.model_sampling, options)
    )
    cfg = value_at(guidance.cfg, moment)
    return [conds[0], None] if not isinstance(cfg, torch.Tensor) and cfg == 1 else conds


def pushed_by_pag(guidance: Guidance, args: dict[str, Any]) -> torch.Tensor:
    """The result of the host's sampler_post_cfg_function with `args`: perturbed-attention guidance."""
    options = args["model_options"]["transformer_options"]
    moment = moment_of(args["input"], args["sigma"][0], args["model"].model_sampling, options)
    return perturbed(value_at(guidance.pag, moment), args)


def _combine(
    cfg: PerFrame, rescale: PerFrame, before: Callable[[Any], Any] | None, args: dict[str, Any]
) -> torch.Tensor:
    """The host's sampler_cfg_function: the noise part x - denoised of uncond + cfg·(cond - uncond); `before` is the
    function that another node set, which then computes it with this cfg."""
    if args["input_uncond"] is None and (isinstance(cfg, torch.Tensor) or cfg != 1):
        raise ValueError(
            "Animation Guidance needs a negative prompt to guide away from, but this guider has none. Use KSampler or "
            "CFGGuider."
        )
    x = args["input"]
    cond = args["cond_denoised"]
    uncond = args["uncond_denoised"]
    if before is None:
        noise: torch.Tensor = x - (uncond + (cond - uncond) * cfg)
    else:
        noise = before({**args, "cond_scale": cfg})
    if isinstance(rescale, torch.Tensor) or rescale != 0:
        noise = x - rescaled(x - noise, cond, x, args["sigma"], rescale)
    return noise


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
