"""Animation Guidance: classifier-free guidance whose scale varies over frames, steps and the picture; rescaled; PAG.

Rescaling: Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), equations 14 to 16.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from comfy.patcher_extension import WrappersMP
from comfy.samplers import CFGGuider

from ...motion.control import Value
from ..call.frames import frames_of
from ..call.progress import progress_of
from ..curves.curve import Curve, Moment, moment_of, value_at
from .perturbed_attention import perturbed

KEY = "kinema_guidance"
"""Names the wrappers of guidance on a MODEL, and its Guidance in transformer_options."""

WHOLE = "kinema_guidance_whole"
"""Key in transformer_options: whether a sampler or another node needs the pass without the prompt also where cfg is 1."""

ALWAYS = "disable_cfg1_optimization"
"""The host's name for that in model_options."""


@dataclass(frozen=True)
class Guidance:
    """The scale `cfg` in place of the sampler's, how much (0..1) the result gets back the spread of the conditional
    prediction, and the scale `pag` of perturbed-attention guidance, which comes last."""

    cfg: float | Curve
    rescale: float | Curve = 0.0
    pag: float | Curve = 0.0


def guide(model: Any, guidance: Guidance) -> Any:
    """A clone of `model` (MODEL) that is sampled with `guidance`. Of several of these the last one holds."""
    model = model.clone()
    model.model_options["transformer_options"][KEY] = guidance
    for kind, wrapper in _WRAPPERS.items():
        model.remove_wrappers_with_key(kind, KEY)
        model.add_wrapper_with_key(kind, KEY, wrapper)
    if guidance.pag != 0 and _perturb not in model.model_options.get("sampler_post_cfg_function", ()):
        model.set_model_sampler_post_cfg_function(_perturb)
    return model


def _predict_noise(executor: Any, x: torch.Tensor, timestep: torch.Tensor, model_options: Any, seed: Any = None) -> Any:
    """PREDICT_NOISE wrapper: the host combines the two predictions by a function of ours, in this call only."""
    guider = executor.class_obj
    if type(guider).predict_noise is not CFGGuider.predict_noise:
        raise ValueError(
            f"Animation Guidance replaces the one cfg of a sampler, but the guider {type(guider).__name__} combines its "
            "predictions in another way. Use KSampler or CFGGuider, or remove Animation Guidance."
        )
    options = model_options["transformer_options"]
    moment = moment_of(x, timestep[0], guider.inner_model.model_sampling, options)
    cfg, rescale = (_on(value_at(curve, moment), x) for curve in (options[KEY].cfg, options[KEY].rescale))
    combine = partial(_combine, cfg, rescale, model_options.get("sampler_cfg_function"))
    told = {**options, WHOLE: model_options.get(ALWAYS, False)}
    changed = {**model_options, "transformer_options": told, "sampler_cfg_function": combine, ALWAYS: True}
    return executor(x, timestep, changed, seed)


def _calc_cond_batch(
    executor: Any, model: Any, conds: Any, latents: torch.Tensor, timestep: torch.Tensor, model_options: Any
) -> Any:
    """CALC_COND_BATCH wrapper: no pass without the prompt where cfg is 1 for all frames of the call."""
    options = model_options["transformer_options"]
    if len(conds) == 2 and None not in conds and not options.get(WHOLE, False):
        progress = progress_of(timestep[0], model.model_sampling, options)
        moment = Moment(frames_of(latents, options), (latents.shape[2], latents.shape[3]), progress)
        cfg = value_at(options[KEY].cfg, moment)
        if not isinstance(cfg, torch.Tensor) and cfg == 1:
            conds = [conds[0], None]
    return executor(model, conds, latents, timestep, model_options)


_WRAPPERS = {WrappersMP.PREDICT_NOISE: _predict_noise, WrappersMP.CALC_COND_BATCH: _calc_cond_batch}


def _perturb(args: dict[str, Any]) -> torch.Tensor:
    """The host's sampler_post_cfg_function, with the scale of the Guidance on the MODEL."""
    options = args["model_options"]["transformer_options"]
    moment = moment_of(args["input"], args["sigma"][0], args["model"].model_sampling, options)
    return perturbed(value_at(options[KEY].pag, moment), args)


def _combine(cfg: Value, rescale: Value, before: Callable[[Any], Any] | None, args: dict[str, Any]) -> torch.Tensor:
    """The host's sampler_cfg_function: the noise part x - denoised of uncond + cfg·(cond - uncond); `before` is the
    function that another node set, which then computes it with this cfg."""
    if args["input_uncond"] is None and (isinstance(cfg, torch.Tensor) or cfg != 1):
        raise ValueError(
            "Animation Guidance needs a negative prompt to guide away from, but this guider has none. Use KSampler or "
            "CFGGuider."
        )
    x, cond, uncond = args["input"], args["cond_denoised"], args["uncond_denoised"]
    if before is None:
        noise: torch.Tensor = x - (uncond + (cond - uncond) * cfg)
    else:
        noise = before({**args, "cond_scale": cfg})
    if isinstance(rescale, torch.Tensor) or rescale != 0:
        noise = x - rescaled(x - noise, cond, x, args["sigma"], rescale)
    return noise


def rescaled(
    guided: torch.Tensor, cond: torch.Tensor, x: torch.Tensor, sigma: torch.Tensor, share: Value
) -> torch.Tensor:
    """`guided` (f, c, h, w), a denoised picture, with the standard deviation of each frame brought back to that of
    `cond` by a `share` 0..1, measured on velocities v = (x / (σ² + 1) - denoised)·sqrt(σ² + 1) / σ."""
    sigma = sigma.view(-1, 1, 1, 1)
    flat, factor = x / (sigma**2 + 1), (sigma**2 + 1).sqrt() / sigma
    v, v_cond = (flat - guided) * factor, (flat - cond) * factor
    spread = v_cond.std((1, 2, 3), keepdim=True) / v.std((1, 2, 3), keepdim=True)
    return flat - v * (share * spread + (1 - share)) / factor


def _on(value: Value, x: torch.Tensor) -> Value:
    return value.to(x) if isinstance(value, torch.Tensor) else value
