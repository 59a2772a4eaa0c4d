"""The queue at the host's seams: a sampler that hands over frames as they are finished, and a context handler that gives
each part of the queue the prompts and ControlNet pictures of its frames."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import torch
from comfy.context_windows import ContextHandlerABC
from comfy.samplers import Sampler

from ...motion.host import HostConds, HostGuider, HostNetwork
from ..call.parts import Callback
from ..windows.batches import windows_that_fit
from ..windows.controlnets import Hints, all_follow
from ..windows.several_gpus import Gpus
from .noise_queue import NoiseQueue, QueuePart
from .queue_run import QueueRun

TakeFrames = Callable[[torch.Tensor, HostGuider], None]
"""Gets finished frames (f, c, h, w), as latents in the scale that VAEs know, in the order of the video."""

AT_ONCE = 4
"""Frames that are handed over together, so that the models and the VAE take turns in memory less often."""


class QueueHandler(ContextHandlerABC):  # type: ignore[misc]
    """Tells the host and Kinema which frames of a video of `video_frames` the latents of a model call are."""

    dim = 0

    def __init__(self, frames: int, length: int) -> None:
        self.video_frames = frames
        self.context_length = length
        self.context_overlap = 0
        self.hints = Hints()

    def should_use_context(
        self,
        model: HostNetwork,
        conds: HostConds,
        x_in: torch.Tensor,
        timestep: torch.Tensor,
        model_options: dict[str, Any],
    ) -> bool:
        return True

    def get_resized_cond(self, cond_in: Any, x_in: torch.Tensor, window: QueuePart, device: Any = None) -> Any:
        return window.seen_of(cond_in, self.hints)

    def execute(
        self, calc_cond_batch: Callable[..., Any], model: HostNetwork, conds: HostConds, x_in: torch.Tensor,
        timestep: torch.Tensor, model_options: dict[str, Any],
    ) -> list[torch.Tensor]:  # fmt: skip
        """What the host predicts for each conditioning (f, c, h, w) of the part of the queue that the options name."""
        part = model_options["transformer_options"]["context_window"]
        seen = [self.get_resized_cond(cond, x_in, part) for cond in conds]
        return calc_cond_batch(model, seen, x_in, timestep, model_options)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class EndlessSettings:
    """What is asked of a video without end."""

    frames: int  # of the video
    length: int = 16  # frames that the model processes together
    lookahead: bool = True  # whether each window sees cleaner frames before those that it denoises
    eta: float = 1.0  # share (0..1) of the noise of DDPM that each step adds


class EndlessSampler(Sampler):  # type: ignore[misc]
    """Samples the whole video, a queue at a time. It begins with the latents that it is given, or, where these are empty,
    with frames that it samples itself."""

    def __init__(self, settings: EndlessSettings, handler: QueueHandler, take: TakeFrames) -> None:
        self._settings = settings
        self._handler = handler
        self._take = take

    @torch.no_grad()
    def sample(
        self, guider: HostGuider, sigmas: torch.Tensor, extra_args: dict[str, Any], callback: Callback | None,
        noise: torch.Tensor, latent_image: torch.Tensor, *_more: Any, **_named: Any,
    ) -> torch.Tensor:  # fmt: skip
        """The last frames of the video (f, c, h, w); all of them are handed over. `noise` is used only for its shape."""
        asked = self._settings
        queue = NoiseQueue(tuple(sigmas.tolist()), asked.length, asked.frames, asked.lookahead)
        run = QueueRun(
            queue,
            denoise=_asking(guider, extra_args),
            draw=_drawing(extra_args.get("seed") or 0, noise),
            fresh=_fresh(guider, sigmas, most=self.max_denoise(guider, sigmas)),
            eta=asked.eta,
            at_once=_at_once(guider, noise, asked.length),
        )
        is_given = bool(torch.count_nonzero(latent_image))
        total = queue.passes + (0 if is_given else queue.steps)

        def show(step: int, clean: torch.Tensor, x: torch.Tensor) -> None:
            if callback is not None:
                callback(step, clean, x, total)

        start = latent_image if is_given else run.sampled_start(run.draw(asked.length), show)
        waiting: list[torch.Tensor] = []
        last = start
        try:
            for done, left in enumerate(run.frames(start), start=total - queue.passes):
                show(done, left.next_clean, left.latent)
                self._handler.hints.forget_before(left.number - asked.length)
                if left.number >= 0:
                    waiting.append(left.latent)
                if len(waiting) == AT_ONCE:
                    last = self._hand_over(waiting, guider)
        except comfy.model_management.InterruptProcessingException:
            if waiting:
                self._hand_over(waiting, guider)
            raise
        return self._hand_over(waiting, guider) if waiting else last

    def _hand_over(self, waiting: list[torch.Tensor], guider: HostGuider) -> torch.Tensor:
        """Hands over the `waiting` frames, of which none is left, and returns them (f, c, h, w)."""
        frames = torch.cat(waiting)
        waiting.clear()
        self._take(guider.inner_model.process_latent_out(frames.to(torch.float32)), guider)
        return frames


def _asking(guider: HostGuider, extra_args: dict[str, Any]) -> Callable[[torch.Tensor, QueuePart], torch.Tensor]:
    """Has the host's `guider` predict what `part` of the queue shows."""
    options = extra_args["model_options"]

    def denoise(x: torch.Tensor, part: QueuePart) -> torch.Tensor:
        told = {**options, "transformer_options": {**options["transformer_options"], "context_window": part}}
        levels = torch.tensor(part.levels, dtype=x.dtype, device=x.device)
        return guider(x, levels, model_options=told, seed=extra_args.get("seed"))

    return denoise


def _drawing(seed: int, like: torch.Tensor) -> Callable[[int], torch.Tensor]:
    """Unit noise in the shape of the latents `like`, from one stream, so that none is drawn a second time."""
    random = torch.Generator("cpu").manual_seed(seed)

    def draw(frames: int) -> torch.Tensor:
        return torch.randn(frames, *like.shape[1:], generator=random).to(like)

    return draw


def _fresh(guider: HostGuider, sigmas: torch.Tensor, most: bool) -> Callable[[torch.Tensor], torch.Tensor]:
    scaling = guider.inner_model.model_sampling.noise_scaling
    return lambda noise: scaling(sigmas[0], noise, torch.zeros_like(noise), most)


def _at_once(guider: HostGuider, latents: torch.Tensor, length: int) -> int:
    """How many windows of `length` go through the UNet together: as many as fit; controls of other packs expect one."""
    conds = list(guider.conds.values())
    if not all_follow(conds):
        return 1
    return windows_that_fit(guider.inner_model, latents, length, len(conds), Gpus((latents.device,)))
