"""The training loop: the one function behind the training nodes and the command line."""

import logging
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import comfy.model_management
import torch
from PIL import Image

from ..motion.host import HostModel
from ..sampling.modules.differentiable import checkpointing
from .checkpoint import Checkpoint, Course
from .clip_batches import Batches, batches
from .clips import Clips
from .config import TrainSettings, check_parts
from .digest import digest
from .frozen import frozen
from .learner import Learner, Weights
from .memory import checkpointing_is_needed
from .objective import Loss, Network, diffusion, motion_loss
from .precision import compute_dtype
from .processes import ALONE, Processes
from .record import Record
from .sample import SampleSettings, sample_pictures
from .state import State
from .validation import measured, relative, steps_between


@dataclass(frozen=True)
class TrainingProgress(Record):
    """A run in progress, and what it has learned so far."""

    values: Weights  # of the learner's parameters, or their EMA if the settings ask for it
    sample: Callable[[SampleSettings], list[Image.Image]]  # an animation with `values`, if the clips have their VAE


Watch = Callable[[TrainingProgress], None]


def train(
    model: HostModel,
    learner: Learner,
    clips: Clips,
    settings: TrainSettings,
    checkpoint: Checkpoint | None = None,
    watch: Watch | None = None,
    loss: Loss = motion_loss,
    processes: Processes = ALONE,
    tell: Callable[[str], None] = logging.info,
) -> TrainingProgress:
    """Trains the parameters of `learner` inside `model` (MODEL) on `clips`. `finished` makes a MOTION_MODEL of what
    they are in the end.

    With a `checkpoint` it begins where that run stopped and saves there every so often, at the end, and when the host
    interrupts; the numbers are the same as without a stop. `model` and its weights stay as they are.
    Each of `processes` calls this with the same arguments and computes a share of every step; the first one saves and
    watches. `tell` hears what the user should know. Raises ValueError for what does not fit together and CheckpointError
    for a checkpoint of another run.
    """
    check_frames(learner, clips)
    check_parts(settings.accumulation, processes.count)
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
        stored = None if checkpoint is None else checkpoint.load()
        fingerprint = clips.fingerprint()
        begun = 0 if stored is None else stored["step"]
        processes.check_same(lambda: (begun, fingerprint))
        data = batches(model.model, clips, settings, device)
        if dtype != torch.float32:  # a cache would keep the weights of the first step until the end of the run
            stack.enter_context(torch.autocast(device.type, dtype, cache_enabled=False))
        _begin(state, stored, fingerprint, network, data, loss, processes)
        if settings.gradient_checkpointing or _is_tight(state, network, learner, data, loss, tell):
            stack.enter_context(checkpointing(model.model.diffusion_model, learner.motion, *learner.others))

        def progress() -> TrainingProgress:
            values = state.result()
            return TrainingProgress(
                state.step,
                settings.steps,
                state.losses,
                state.measurements,
                values,
                partial(sample_pictures, model, learner, values, clips, settings),
            )

        if not processes.leads:
            checkpoint = watch = None
        _run(state, network, data, loss, checkpoint, lambda: watch and watch(progress()), processes)
        return progress()


def _begin(
    state: State,
    stored: dict[str, Any] | None,
    fingerprint: str,
    network: Network,
    data: Batches,
    loss: Loss,
    processes: Processes,
) -> None:
    """Restores the `stored` state (None: a new run). Before that, the untrained model is measured, unless the state has its
    measurements on the clips with this `fingerprint`."""
    settings = data.settings
    begun = 0 if stored is None else stored["step"]
    is_measured = stored is not None and stored.get("measured_on") == fingerprint
    if not is_measured and max(begun, settings.steps) >= steps_between(settings):
        state.untrained = measured(network, data, loss, processes)
        state.measured_on = fingerprint
    if stored is not None:
        state.restore(stored)


def _is_tight(
    state: State, network: Network, learner: Learner, data: Batches, loss: Loss, tell: Callable[[str], None]
) -> bool:
    """Whether gradient checkpointing has to turn itself on, because a step would not fit into the free memory."""
    return data.settings.automatic_checkpointing and checkpointing_is_needed(
        network, learner.others, state, data, loss, tell
    )


def _run(
    state: State,
    network: Network,
    data: Batches,
    loss: Loss,
    checkpoint: Checkpoint | None,
    watch: Callable[[], None],
    processes: Processes,
) -> None:
    settings = data.settings
    try:
        _measure(state, network, data, loss, processes)
        while state.step < settings.steps:
            shares = processes.together(lambda: _gradients(state, network, data, loss, processes))
            total = sum(shares)
            if not math.isfinite(total):
                raise ValueError(
                    f"The loss became {total} at step {state.step + 1} with learning_rate {settings.learning_rate}. "
                    "Lower learning_rate, or set precision to fp32."
                )
            processes.add_up(state.parameters.values())
            state.advance(total)
            _measure(state, network, data, loss, processes)
            if state.step % settings.save_every == 0:
                _save(state, checkpoint)
            watch()
    finally:  # the end, an interrupt or an error: nothing that was learned is lost
        _save(state, checkpoint)


def _gradients(state: State, network: Network, data: Batches, loss: Loss, processes: Processes) -> float:
    """Adds up the gradients of this process's parts of one step; returns their share of its loss."""
    comfy.model_management.throw_exception_if_processing_interrupted()
    total = 0.0
    for part in processes.share(range(data.settings.accumulation)):
        for term in loss(network, data.at(state.step, part)):
            value = term / data.settings.accumulation
            state.scaler.scale(value).backward()
            total += value.item()
    return total


def _measure(state: State, network: Network, data: Batches, loss: Loss, processes: Processes) -> None:
    """Adds a measurement of what has been learned, if one is due and has not been made."""
    latest = state.measurements[-1][0] if state.measurements else 0
    if state.step == latest or state.step % steps_between(data.settings):
        return
    with state.with_result():
        losses = measured(network, data, loss, processes)
    state.measurements.append((state.step, relative(losses, state.untrained)))


def _save(state: State, checkpoint: Checkpoint | None) -> None:
    if checkpoint is not None and state.whole and state.step > state.saved:
        checkpoint.save(state.stored())
        state.saved = state.step


def check_frames(learner: Learner, clips: Clips) -> None:
    """Raises ValueError unless the clips have two frames at least and at most what the position table is long."""
    frames, longest = clips.shape[0], learner.motion.spec.max_frames
    if not 2 <= frames <= longest:
        raise ValueError(
            f"The clips have {frames} {'frame' if frames == 1 else 'frames'}, but clips for this motion model must have at "
            f"least 2 and at most {longest}. Set frames of Load Clips to {learner.motion.spec.native_frames}."
        )


def course(learner: Learner, clips: Clips, settings: TrainSettings, **more: Any) -> Course:
    """What decides where a run goes, and `more` that does, for its Checkpoint. To be called before the run.

    The number of steps is part of it unless the learning rate is constant. The number of processes never is.
    """
    decides = settings.values(learner.motion.spec.family)
    for name in ("save_every", "gradient_checkpointing", "automatic_checkpointing"):
        del decides[name]
    if settings.learning_rate_curve == "constant":
        del decides["steps"]
    start = digest([*learner.motion.state_dict().items(), *learner.parameters.items()])
    decides |= {"clips": clips.fingerprint(), "start": start, **more}
    return Course(decides, clips.words, lambda: {"clips": clips.earlier_fingerprint()})
