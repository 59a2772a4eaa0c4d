"""The training loop: the one function behind the training nodes and the command line."""

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import comfy.model_management
import torch

from .checkpoint import Checkpoint
from .clip_batches import Batches, batches
from .clips import Clips, digest
from .config import TrainSettings
from .frozen import checkpointing, frozen
from .learner import Learner, Weights
from .objective import Loss, Network, diffusion, motion_loss
from .precision import compute_dtype
from .sample import SampleSettings, sample
from .state import State


@dataclass(frozen=True)
class TrainingProgress:
    """`step` of `steps` are done; `losses` holds the loss of each.

    `values` are those of the learner's parameters by now, averaged if the settings say so. `sample` makes an animation
    with them: latents (f, c, h, w).
    """

    step: int
    steps: int
    losses: list[float]
    values: Weights
    sample: Callable[[SampleSettings], torch.Tensor]


Watch = Callable[[TrainingProgress], None]


def train(
    model: Any,
    learner: Learner,
    clips: Clips,
    settings: TrainSettings,
    checkpoint: Checkpoint | None = None,
    watch: Watch | None = None,
    loss: Loss = motion_loss,
) -> TrainingProgress:
    """Trains the parameters of `learner` inside `model` (MODEL) on `clips`. `finished` makes a MOTION_MODEL of what
    they are in the end.

    With a `checkpoint` it begins where that run stopped and saves there every so often, at the end, and when the host
    interrupts; the numbers are the same as without a stop. `model` and its weights stay as they are.
    Raises ValueError for what does not fit together and CheckpointError for a checkpoint of another run.
    """
    check_frames(learner, clips)
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        frames, channels, height, width = clips.shape
        model = stack.enter_context(frozen(model, (settings.batch_size * frames, channels, height, width)))
        device = model.load_device
        learner.to(device)
        schedule = settings.schedule(learner.motion.spec.family)
        network = Network(model, learner.motion, diffusion(model, schedule, settings.weight_limit))
        dtype = compute_dtype(settings.precision, model.model, device)
        state = State(learner, settings, device, scaled=dtype == torch.float16)
        if checkpoint is not None and (stored := checkpoint.load()) is not None:
            state.restore(stored)
        data = batches(model.model, clips, settings, device)
        if settings.gradient_checkpointing:
            stack.enter_context(checkpointing(model.model.diffusion_model, learner.motion, *learner.others))
        if dtype != torch.float32:
            stack.enter_context(torch.autocast(device.type, dtype))

        def progress() -> TrainingProgress:
            values = state.result()
            return TrainingProgress(
                state.step,
                settings.steps,
                state.losses,
                values,
                partial(sample, model, learner, values, clips, settings),
            )

        _run(state, network, data, loss, checkpoint, lambda: watch and watch(progress()))
        return progress()


def _run(
    state: State, network: Network, data: Batches, loss: Loss, checkpoint: Checkpoint | None, watch: Callable[[], None]
) -> None:
    settings, saved = data.settings, state.step
    try:
        while state.step < settings.steps:
            comfy.model_management.throw_exception_if_processing_interrupted()
            state.advance(_gradients(state, network, data, loss))
            if checkpoint is not None and state.step % settings.save_every == 0:
                checkpoint.save(state.stored())
                saved = state.step
            watch()
    finally:  # the end, an interrupt or an error: nothing that was learned is lost
        if checkpoint is not None and state.whole and state.step > saved:
            checkpoint.save(state.stored())


def _gradients(state: State, network: Network, data: Batches, loss: Loss) -> float:
    """Adds up the gradients of one step; returns its loss. Raises ValueError when that is not finite."""
    total = 0.0
    for part in range(data.settings.accumulation):
        for term in loss(network, data.at(state.step, part)):
            value = term / data.settings.accumulation
            state.scaler.scale(value).backward()
            total += value.item()
    if not math.isfinite(total):
        raise ValueError(
            f"The loss became {total} at step {state.step + 1} with learning_rate {data.settings.learning_rate}. "
            "Use a lower learning_rate, or precision fp32."
        )
    return total


def check_frames(learner: Learner, clips: Clips) -> None:
    """Raises ValueError unless the clips have two frames at least and at most what the position table is long."""
    frames, longest = clips.shape[0], learner.motion.spec.max_frames
    if not 2 <= frames <= longest:
        raise ValueError(
            f"The clips have {frames} frames, but the motion model can learn from 2 to {longest} frames at once. Set frames "
            f"of Load Clips to {learner.motion.spec.native_frames}."
        )


def course(learner: Learner, clips: Clips, settings: TrainSettings, **more: Any) -> dict[str, Any]:
    """What decides where a run goes, and `more` that does, for its Checkpoint. To be called before the run.

    The number of steps is part of it unless the learning rate is constant.
    """
    decides = settings.values(learner.motion.spec.family)
    for name in ("save_every", "gradient_checkpointing"):
        del decides[name]
    if settings.learning_rate_curve == "constant":
        del decides["steps"]
    start = digest([*learner.motion.state_dict().items(), *learner.parameters.items()])
    return decides | {"clips": clips.fingerprint(), "start": start, **more}
