"""A video without end, from the nodes' values to frames: sampled, decoded and handed over as they are finished."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import comfy.samplers
import comfy.utils
import latent_preview
import torch

from ...motion.host import HostGuider, HostModel, HostVAE
from ..call.call import Shown, call_of
from ..run.checks import check_result
from ..run.handler import HANDLER
from .endless_sampler import EndlessSampler, EndlessSettings, QueueHandler
from .noise_queue import why_no_queue
from .refusals import check_endless, check_levels, start_of


@dataclass(frozen=True)
class EndlessRun:
    """What the node is given, apart from the settings of the queue."""

    model: HostModel  # MODEL with a motion model
    positive: Any  # CONDITIONING
    negative: Any  # CONDITIONING
    vae: HostVAE  # of pictures
    latent: dict[str, Any]  # LATENT: empty, or finished frames that the video begins with
    seed: int  # of all noise
    cfg: float  # classifier-free guidance scale
    steps: int  # places of the queue
    scheduler: str  # the host's name of what chooses the noise levels


def animate_without_end(
    run: EndlessRun,
    settings: EndlessSettings,
    write: Callable[[torch.Tensor], None],
    hear: Callable[[Shown], None] = lambda shown: None,
) -> None:
    """Samples the video and has `write` take its frames (f, height, width, 3) a few at a time, in their order. Each time
    before, `hear` gets what the node shows of the run, for sentences to add.

    Raises ValueError where the inputs do not fit together, and the host's InterruptProcessingException after an interrupt,
    when the frames that were finished by then have been written.
    """
    wrong = why_no_queue(settings.frames, settings.length, run.steps, settings.lookahead)
    if wrong:
        raise ValueError(wrong)
    check_endless(run.model, (run.positive, run.negative))
    _check_vae(run.vae)
    start = start_of(run.latent, settings.length, run.model)
    sigmas = comfy.samplers.calculate_sigmas(run.model.get_model_object("model_sampling"), run.scheduler, run.steps)
    check_levels(sigmas, run.steps, run.scheduler)
    model = run.model.clone()
    handler = QueueHandler(settings.frames, settings.length)
    model.model_options[HANDLER] = handler
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(run.positive, run.negative)
    guider.set_cfg(run.cfg)

    def take(latents: torch.Tensor, in_run: HostGuider) -> None:
        check_result(latents)
        if shown := call_of(in_run.model_options["transformer_options"]).shown:
            hear(shown)
        write(run.vae.decode(latents).flatten(0, -4))
        _load_again(in_run, start.shape)

    guider.sample(
        torch.zeros_like(start), start, EndlessSampler(settings, handler, take), sigmas,
        callback=latent_preview.prepare_callback(model, run.steps + settings.frames),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED, seed=run.seed,
    )  # fmt: skip


def _load_again(guider: HostGuider, shape: Sequence[int]) -> None:
    """Brings back models of the run, whose calls have latents of `shape` (f, c, h, w), that the host may have moved out of
    memory to make room for the VAE."""
    needed = guider.inner_model.memory_required([len(guider.conds) * shape[0], *shape[1:]])
    comfy.model_management.load_models_gpu([guider.model_patcher, *guider.loaded_models], memory_required=needed)


def _check_vae(vae: HostVAE) -> None:
    dimensions = getattr(vae, "latent_dim", 2)
    if dimensions != 2:
        raise ValueError(
            f"The VAE decodes latents with {dimensions} dimensions, those of videos, but the frames of image models have 2. "
            "Connect the VAE of the checkpoint."
        )
