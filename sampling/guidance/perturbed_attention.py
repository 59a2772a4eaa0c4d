"""Perturbed-attention guidance: away from what the model would predict if places of the picture did not see each other.

Ahn et al., "Self-Rectifying Diffusion Sampling with Perturbed-Attention Guidance" (2024): the self-attention of the UNet's
middle block is replaced by the identity.
"""

from typing import Any

import comfy.model_patcher
import comfy.samplers
import torch

from ..call.call import apart, telling
from ..call.moment import PerFrame

MIDDLE = ("middle", 0)


def perturbed(scale: PerFrame, args: dict[str, Any]) -> torch.Tensor:
    """For the host's sampler_post_cfg_function: denoised + scale·(cond - perturbed cond), (f, c, h, w); one more pass, but
    none at scale 0."""
    denoised: torch.Tensor = args["denoised"]
    if not isinstance(scale, torch.Tensor) and scale == 0:
        return denoised
    model = args["model"]
    sigma = args["sigma"]
    options = comfy.model_patcher.set_model_options_patch_replace({**args["model_options"]}, _itself, "attn1", *MIDDLE)
    options = apart(telling(options, extra="pag"), sigma[0], model.model_sampling)
    (worse,) = comfy.samplers.calc_cond_batch(model, [args["cond"]], args["input"], sigma, options)
    away: torch.Tensor = args["cond_denoised"] - worse
    return denoised + away * (scale.to(denoised) if isinstance(scale, torch.Tensor) else scale)


def _itself(_q: torch.Tensor, _k: torch.Tensor, v: torch.Tensor, _options: Any, **_: Any) -> torch.Tensor:
    """The host's attn1_replace: what attention gives when each place attends to itself only."""
    return v
