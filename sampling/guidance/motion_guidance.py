"""Motion Guidance: away from what the model would predict with less motion.

Hyung et al., "Spatiotemporal Skip Guidance for Enhanced Video Diffusion Sampling" (2025), equation 5 and section 3.3:
the weaker model is the model itself with some layers skipped, here the motion modules' residuals.
"""

from dataclasses import dataclass
from typing import Any

import comfy.samplers
import torch

from ...motion.host import HostOptions
from ..call.call import RawPrediction, apart, call_of, telling
from ..call.moment import Curve, PerFrame, moment_of
from ..curves.curve import Blocks, Constant, OverBlocks, limited, value_at


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Blocks whose motion modules are skipped in the third pass."""

    kept: Curve  # what is kept of the strength of motion models in this pass
    words: str  # for the help page


SKIPS: dict[str, Skip] = {
    "all": Skip(kept=Constant(0.0), words="All motion modules are switched off, which steers most strongly."),
    "down": Skip(
        kept=OverBlocks(((Blocks("down"), Constant(0.0)),)),
        words="Only the motion modules of the down blocks, the first half of the UNet, are switched off.",
    ),
    "mid": Skip(
        kept=OverBlocks(((Blocks("mid"), Constant(0.0)),)),
        words="Only the motion module of the mid block is switched off. Models such as v1 and v3 have none there.",
    ),
    "up": Skip(
        kept=OverBlocks(((Blocks("up"), Constant(0.0)),)),
        words="Only the motion modules of the up blocks, the second half of the UNet, are switched off.",
    ),
}


@dataclass(frozen=True)
class MotionGuidance:
    """Guidance away from the prediction with less motion."""

    scale: float | Curve  # how far
    kept: float | Curve = SKIPS["all"].kept  # the share of the motion that acts in the weaker prediction
    rescale: float | Curve = 0.0  # share (0..1) by which the result gets the standard deviation of the prompt's back
    start_percent: float = 0.0  # fraction of the run (0..1) at which it starts
    end_percent: float = 1.0  # and at which it ends


def keeping_raw(model_options: HostOptions) -> HostOptions:
    """`model_options` for a prediction, during which what the model predicts for the prompt is kept as it is: functions of
    other nodes may change it before `pushed_by_motion` sees it."""
    raw = RawPrediction()

    def keep(args: dict[str, Any]) -> list[torch.Tensor]:
        raw.cond, raw.denoised = args["conds"][0], args["conds_out"][0]
        return args["conds_out"]  # type: ignore[no-any-return]

    others = model_options.get("sampler_pre_cfg_function", ())
    return {**telling(model_options, raw=raw), "sampler_pre_cfg_function": [keep, *others]}


def pushed_by_motion(guidance: MotionGuidance, args: dict[str, Any]) -> torch.Tensor:
    """The result of the host's sampler_post_cfg_function with `args`: denoised + scale·(cond - cond with less motion),
    (f, c, h, w). One more pass, but none where the scale is 0."""
    denoised: torch.Tensor = args["denoised"]
    x = args["input"]
    sigma = args["sigma"]
    model = args["model"]
    raw = call_of(args["model_options"]["transformer_options"]).raw
    told = None if raw is None else raw.of(args["cond"])
    cond: torch.Tensor = args["cond_denoised"] if told is None else told
    moment = moment_of(x, sigma[0], model.model_sampling, args["model_options"]["transformer_options"])
    scale = value_at(limited(guidance.scale, guidance.start_percent, guidance.end_percent, moment), moment)
    if not isinstance(scale, torch.Tensor) and scale == 0:
        return denoised
    still = apart(telling(args["model_options"], kept=guidance.kept, extra="motion"), sigma[0], model.model_sampling)
    (weaker,) = comfy.samplers.calc_cond_batch(model, [args["cond"]], x, sigma, still)
    guided = denoised + (cond - weaker) * (scale.to(x) if isinstance(scale, torch.Tensor) else scale)
    return _respread(guided, cond, x, value_at(guidance.rescale, moment), by_frame=bool(moment.each))


def _respread(
    guided: torch.Tensor, cond: torch.Tensor, x: torch.Tensor, share: PerFrame, by_frame: bool
) -> torch.Tensor:
    """`guided` with the standard deviation of its noise over the whole video brought back to that of `cond`; frame by frame
    where their noise levels differ."""
    if isinstance(share, torch.Tensor):
        share = share.to(x)
    elif share == 0:
        return guided
    noise = x - guided
    if by_frame:
        ratio = (x - cond).std((1, 2, 3), keepdim=True) / noise.std((1, 2, 3), keepdim=True)
    else:
        ratio = (x - cond).std() / noise.std()
    return x - noise * (share * ratio + (1 - share))
