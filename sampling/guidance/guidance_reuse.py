"""Guidance reuse: at some steps only the positive prompt is computed, and the direction of guidance is that of a step
before.

After Lv et al., "FasterCache" (2024), "CFG-Cache". What is kept here is the difference of the two noise
predictions as it is, without weights for its frequencies.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

import comfy.samplers
import torch
from comfy.samplers import CFGGuider

from ...motion.host import HostConds, HostGuider, HostOptions
from ..call.call import call_of, telling
from ..call.kept_guidance import KeptGuidance
from ..call.progress import is_within
from ..windows.controlnets import chained
from .animation_guidance import ALWAYS

BOTH_PROMPTS = "sampler_calc_cond_batch_function"
"""The host's name in model_options for the function that computes the predictions for both prompts."""

Predictions = list[torch.Tensor]
"""For the positive and the negative prompt, (f, c, h, w) each."""


@dataclass(frozen=True)
class GuidanceReuse:
    """How often the negative prompt is computed."""

    interval: int  # in every so many predictions of the sampler; 1: in all
    start_percent: float = 0.0  # fraction of the run (0..1) from which directions are reused
    end_percent: float = 1.0  # and to which


def reusing(reuse: GuidanceReuse, guider: HostGuider, model_options: HostOptions) -> HostOptions:
    """`model_options` for a prediction by the host's `guider`, in which `reuse` decides whether the negative prompt is
    computed. Unchanged where something needs its prediction at every step, which the sampler's node then shows."""
    call = call_of(model_options["transformer_options"])
    if reuse.interval == 1 or call.guided is None or not combines_as_host(guider):
        return model_options
    if model_options.get(ALWAYS, False):
        if call.shown is not None:
            call.shown.tell(
                "Fast Sampling has no effect: this sampler or a node on the MODEL needs the prediction for the "
                "negative prompt at every step."
            )
        return model_options
    compute = model_options.get(BOTH_PROMPTS, _computed)
    return {**model_options, BOTH_PROMPTS: partial(_predicted, reuse, call.guided, compute)}


def combines_as_host(guider: HostGuider) -> bool:
    """Whether `guider` predicts for one positive and one negative prompt, as the host's CFGGuider does."""
    return type(guider).predict_noise is CFGGuider.predict_noise


def reuse_summary(kept: KeptGuidance) -> str:
    """What the sampler's node shows after a run that reused a direction."""
    return (
        f"Fast Sampling: {kept.reused} of {kept.reused + kept.full} predictions reused the guidance of an earlier one."
    )


def _predicted(
    reuse: GuidanceReuse, kept: KeptGuidance, compute: Callable[[dict[str, Any]], Predictions], args: dict[str, Any]
) -> Predictions:
    """The host's sampler_calc_cond_batch_function with `args`: `compute` without the negative prompt where its
    prediction follows from the direction that is `kept`.

    Eps is (x - denoised) ÷ sigma, so the difference of two of them is that of the denoised videos ÷ sigma.
    """
    positive, negative = args["conds"]
    if negative is None:  # cfg is 1
        kept.forget()
        return compute(args)
    sigma = args["sigma"].view(-1, *[1] * (args["input"].ndim - 1))
    prompts = tuple(_acting(args["conds"], args["sigma"]))
    if _is_reused(reuse, kept, prompts, args):
        assert kept.direction is not None
        cond = compute({**args, "conds": [positive, None]})[0]
        kept.age += 1
        kept.reused += 1
        return [cond, cond - kept.direction * sigma]
    # A window whose cfg is 1 needs no direction now, but its frames may at a later step
    whole = {**args, "model_options": telling(args["model_options"], skips_uncond=False)}
    cond, uncond = compute(whole)
    kept.direction = (cond - uncond) / sigma
    kept.prompts = prompts
    kept.age = 0
    kept.full += 1
    return [cond, uncond]


def _is_reused(reuse: GuidanceReuse, kept: KeptGuidance, prompts: tuple[bool, ...], args: dict[str, Any]) -> bool:
    if kept.direction is None or kept.direction.shape != args["input"].shape:
        return False
    if kept.age >= reuse.interval - 1 or kept.prompts != prompts:
        return False
    return is_within(reuse.start_percent, reuse.end_percent, args["sigma"][0], args["model"].model_sampling)


def _acting(conds: HostConds, sigma: torch.Tensor) -> Iterator[bool]:
    """For each conditioning of both prompts, and each of its controls, whether it acts at the noise level `sigma`, by the
    host's rule."""
    for cond in (*(conds[0] or ()), *(conds[1] or ())):
        if "timestep_start" in cond or "timestep_end" in cond:
            yield bool(cond.get("timestep_end", -inf) <= sigma[0] <= cond.get("timestep_start", inf))
        else:  # comparing would wait for the GPU
            yield True
        for control in chained(cond.get("control")):
            part = getattr(control, "timestep_range", None)
            if part is not None and tuple(control.timestep_percent_range) != (0.0, 1.0):
                yield bool(part[1] <= sigma[0] <= part[0])


def _computed(args: dict[str, Any]) -> Predictions:
    """The host's function where no node set one."""
    predictions: Predictions = comfy.samplers.calc_cond_batch(
        args["model"], args["conds"], args["input"], args["sigma"], args["model_options"]
    )
    return predictions
