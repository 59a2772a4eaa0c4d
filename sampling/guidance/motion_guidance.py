"""Motion Guidance: away from what the model would predict with less motion.

Hyung et al., "Spatiotemporal Skip Guidance for Enhanced Video Diffusion Sampling" (2025), equation 5 and section 3.3:
the weaker model is the model itself with some layers skipped, here the motion modules' residuals.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import comfy.samplers
import torch

from ...motion.control import Value
from ..call.progress import is_within
from ..curves.curve import Blocks, Constant, Curve, OverBlocks, moment_of, value_at
from ..modules.applied import needs_motion
from ..modules.controls import KEPT

SKIPS: dict[str, Curve] = {
    "all": Constant(0.0),
    "down": OverBlocks(((Blocks("down"), Constant(0.0)),)),
    "mid": OverBlocks(((Blocks("mid"), Constant(0.0)),)),
    "up": OverBlocks(((Blocks("up"), Constant(0.0)),)),
}
"""What is kept of the strength of motion models in the third pass, by the blocks that are skipped."""


@dataclass(frozen=True)
class MotionGuidance:
    """How far (`scale`) from the prediction in which only a share (`kept`) of the motion acts, in a part of the run
    (percents, 0..1); by `rescale` (0..1) the result gets back the spread of the prediction for the prompt."""

    scale: float | Curve
    kept: float | Curve = SKIPS["all"]
    rescale: float | Curve = 0.0
    start_percent: float = 0.0
    end_percent: float = 1.0


def guide_motion(model: Any, guidance: MotionGuidance) -> Any:
    """A clone of `model` (MODEL) that is sampled with `guidance`: one more pass where its scale is not 0."""
    model = needs_motion(model, "Motion Guidance")
    model.set_model_sampler_post_cfg_function(partial(_guided, guidance))
    return model


def _guided(guidance: MotionGuidance, args: dict[str, Any]) -> torch.Tensor:
    """The host's sampler_post_cfg_function: denoised + scale·(cond - cond with less motion), (f, c, h, w)."""
    denoised: torch.Tensor = args["denoised"]
    x, sigma, model, cond = args["input"], args["sigma"], args["model"], args["cond_denoised"]
    if not is_within(guidance.start_percent, guidance.end_percent, sigma[0], model.model_sampling):
        return denoised
    options = args["model_options"]["transformer_options"]
    moment = moment_of(x, sigma[0], model.model_sampling, options)
    scale, rescale = value_at(guidance.scale, moment), value_at(guidance.rescale, moment)
    if not isinstance(scale, torch.Tensor) and scale == 0:
        return denoised
    still = {**args["model_options"], "transformer_options": {**options, KEPT: guidance.kept}}
    (weaker,) = comfy.samplers.calc_cond_batch(model, [args["cond"]], x, sigma, still)
    guided = denoised + (cond - weaker) * (scale.to(x) if isinstance(scale, torch.Tensor) else scale)
    return _respread(guided, cond, x, rescale)


def _respread(guided: torch.Tensor, cond: torch.Tensor, x: torch.Tensor, share: Value) -> torch.Tensor:
    """`guided` with the standard deviation of its noise over the whole video brought back to that of `cond`."""
    if isinstance(share, torch.Tensor):
        share = share.to(x)
    elif share == 0:
        return guided
    noise = x - guided
    return x - noise * (share * ((x - cond).std() / noise.std()) + (1 - share))
