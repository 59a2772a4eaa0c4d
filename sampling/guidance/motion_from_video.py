"""Motion from Video: guidance towards the motion of a reference video, without training.

Ling et al., "MotionClone: Training-Free Motion Cloning for Controllable Video Generation" (2024), section 3.2, with numbers of
the authors' code: the loss times 2000, at the motion modules of up_blocks.1, for a reference with the noise of timestep 400.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import Any

import comfy.samplers
import torch

from ...motion.host import HostGuider, HostNetwork, HostVAE
from ..call.call import Given, apart, call_of, telling
from ..call.moment import Curve, PerFrame, moment_of
from ..call.progress import is_within
from ..curves.curve import value_at
from ..modules.hooks import Motion
from ..pictures.encoding import encoded_pictures
from .attention_gradient import attentions_in, goals_of, gradient_of

LEVELS = {"coarse": "up_blocks.1", "fine": "up_blocks.2"}
"""The level of the UNet whose attentions are guided: there the latents are halved twice or once. The authors' is the first."""

MEMORY = {"coarse": 1.2, "fine": 1.65}
"""Memory of the extra pass ÷ that of a prediction for both prompts, by the level: 3.9 and 5.4 GiB ÷ 3.3 GiB for 16 frames of
512² in half precision, without weights."""

SCALE = 64_000.0
"""What the loss is multiplied by at strength 1. The authors push by 2000 times its gradient at each of 50 steps from timestep
999 to 700, where the noise level falls by a factor of e in 32 steps; a sampler may need any number of steps for that."""

AUTHORS_LATENT = 16 * 64 * 64
"""Pixels of the latents of the authors' videos. The loss is a mean, so each pixel of a larger video would be pushed less."""


@dataclass(frozen=True, eq=False)
class MotionFromVideo:
    """A video whose motion is followed."""

    pictures: torch.Tensor  # (n, H, W, 3 or more), 0 to 1
    vae: HostVAE  # which encodes them
    strength: float | Curve = 1.0  # of the guidance
    level: str = "coarse"  # of the UNet, one of LEVELS
    start_percent: float = 0.0  # fraction of the run (0..1) at which it starts
    end_percent: float = 0.4  # and at which it ends
    noise: float = 0.4  # that the reference gets: fraction of the training timesteps (0..1)
    noised: torch.Tensor | None = None  # in a run: its latents (f, 4, h, w), one for each frame, with noise of `sigma`
    sigma: float = 0.0  # in a run: noise level of `noised`


def check_reference(pictures: torch.Tensor) -> None:
    """Raises ValueError unless `pictures` (n, H, W, 3) can move."""
    if len(pictures) < 2:
        raise ValueError(
            f"The reference of Motion from Video needs 2 pictures or more, but it has {len(pictures)}. Connect the frames of "
            "a video."
        )


def frames_of_memory(video: MotionFromVideo | None, frames: int) -> int:
    """As many frames as need the memory of a run of `frames`, for the host's estimate."""
    return frames if video is None else ceil(frames * MEMORY[video.level])


def picked(count: int, frames: int) -> list[int]:
    """Which of `count` pictures of a reference each of the `frames` of a video follows: evenly from the first to the last."""
    return [round(frame * (count - 1) / max(frames - 1, 1)) for frame in range(frames)]


def prepared(video: MotionFromVideo, guider: HostGuider, shape: Sequence[int], seed: int) -> MotionFromVideo:
    """`video` for a run of the host's `guider` with latents of `shape` (f, c, h, w), with the noise of `seed`. To be called
    before the models of the run are loaded. Raises ValueError for the VAE of another kind of model."""
    frames, _, h, w = shape
    pictures = video.pictures[picked(len(video.pictures), frames)]
    latents = encoded_pictures(pictures, video.vae, (h, w), "Motion from Video").float()
    latents = guider.model_patcher.model.process_latent_in(latents)
    sigma = guider.model_patcher.get_model_object("model_sampling").percent_to_sigma(1 - video.noise)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed))
    return replace(video, noised=latents + sigma * noise.to(latents), sigma=sigma)


def pushed_by_video(video: MotionFromVideo, args: dict[str, Any]) -> torch.Tensor:
    """The result of the host's sampler_post_cfg_function with `args`, (f, c, h, w):

        denoised - strength·SCALE·sigma²·(gradient of the loss by the latents)

    This is the guidance of a classifier whose likelihood is exp(-loss) (equation 2), and what the authors' step of DDIM
    does to the noise. One more pass, there and back, through the UNet as far as the guided level.
    """
    denoised: torch.Tensor = args["denoised"]
    x = args["input"]
    sigma = args["sigma"]
    model = args["model"]
    if not is_within(video.start_percent, video.end_percent, sigma[0], model.model_sampling):
        return denoised
    moment = moment_of(x, sigma[0], model.model_sampling, args["model_options"]["transformer_options"])
    strength = value_at(video.strength, moment)
    if not isinstance(strength, torch.Tensor) and strength == 0:
        return denoised
    conds = [_of_whole_pictures(cond) for cond in args["cond"]]
    text = (args["uncond"] or args["cond"])[0]["model_conds"]["c_crossattn"].cond
    instead = partial(_in_call, video, text, _pushed(strength, len(x)))
    told = telling(args["model_options"], extra="video", instead=instead)
    options = apart(told, sigma[0], model.model_sampling)
    (gradient,) = comfy.samplers.calc_cond_batch(model, [conds], x, sigma, options)
    push: torch.Tensor = gradient * (SCALE * sigma[0] ** 2)  # all on the device, so that nothing waits for it
    return denoised - push * (strength.to(x) if isinstance(strength, torch.Tensor) else strength)


def _of_whole_pictures(cond: Mapping[str, Any]) -> dict[str, Any]:
    """`cond` without the place at which it acts: motion is compared over whole pictures."""
    return {key: value for key, value in cond.items() if key not in ("area", "mask", "strength")}


def _pushed(strength: PerFrame, frames: int) -> frozenset[int]:
    """Which of so many `frames` a `strength` pushes."""
    if not isinstance(strength, torch.Tensor):
        return frozenset(range(frames))
    return frozenset(strength.flatten(1).any(1).expand(frames).nonzero().flatten().tolist())


def _in_call(
    video: MotionFromVideo,
    text: torch.Tensor,
    pushed: frozenset[int],
    base: HostNetwork,
    motions: Sequence[Motion],
    given: Given,
) -> torch.Tensor:
    """What a model call computes in place of its prediction: the gradient of the loss, (v*f, c, h, w), as large for each
    pixel as in a video of the authors. `text` (1 or f, tokens, c) is the prompt of the reference. Windows without frames that
    are `pushed` cost nothing."""
    wanted = attentions_in(motions, LEVELS[video.level])
    if not wanted or pushed.isdisjoint(given.frames.indices):
        return torch.zeros_like(given.x)
    features = call_of(given.options).features
    goals = goals_of(base, _without_pictures(motions), _reference(video, text, given), wanted, features)
    count = len(given.frames.indices)
    pixels = count * given.x.shape[2] * given.x.shape[3]
    return gradient_of(base, motions, given, goals) * (pixels / AUTHORS_LATENT)


def _without_pictures(motions: Sequence[Motion]) -> list[Motion]:
    return [replace(motion, pictures={}) for motion in motions]


def _reference(video: MotionFromVideo, text: torch.Tensor, given: Given) -> Given:
    """The model call of the reference for the frames that are `given`: one video, without ControlNets."""
    assert video.noised is not None
    indices = list(given.frames.indices)
    conditions = {
        name: value[: len(indices)] if isinstance(value, torch.Tensor) else value
        for name, value in given.conditions.items()
    }
    prompt = text[[index % len(text) for index in indices]].to(given.x.device)
    return replace(
        given,
        x=video.noised[indices].to(given.x),
        t=given.t.new_full((len(indices),), video.sigma),
        conditions=conditions | {"c_crossattn": prompt, "control": None},
    )
