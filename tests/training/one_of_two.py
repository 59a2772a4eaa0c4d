"""What each of two processes of a training does; test_processes.py starts them with torch's launcher.

Usage: one_of_two.py FOLDER
"""

import functools
import json
import os
import shutil
import signal
import sys
from pathlib import Path

if __name__ == "__main__":  # a process of its own enters the host as the tests do
    TESTS = Path(__file__).resolve().parent.parent
    sys.path[:0] = [str(TESTS), str(TESTS / "support")]
    import conftest  # noqa: F401

import comfy.model_management
import exact
import tiny
import torch
from training.moving import FRAMES, clips

from kinema.motion.load import load_motion_model
from kinema.motion.spec import PAPER_SCHEDULE
from kinema.training.checkpoint import Checkpoint
from kinema.training.clip_batches import batches
from kinema.training.config import TrainSettings
from kinema.training.frozen import frozen
from kinema.training.learner import start_new
from kinema.training.loop import _gradients, course, train
from kinema.training.motion_director import appearance, director_loss, with_appearance
from kinema.training.motion_lora import learn_motion_lora
from kinema.training.objective import Network, diffusion, motion_loss
from kinema.training.processes import ALONE, ProcessError, joined
from kinema.training.state import State

STEPS, PAUSE = 8, 6  # in step 4 no appearance branch has a gradient, in steps 7 and 8 only those of one part
FAILS_AT = 2  # step of process 1

image_model = functools.cache(tiny.image_model)
"""By the names of `tools/tiny_models.py`, each made once."""


def lora_run(path, steps, processes=ALONE):
    """A run of accumulation 2 whose appearance branches get a gradient in some parts only; its state is in `path`, and that
    after PAUSE steps in another file."""
    model, data = image_model("sd15"), clips(3)
    motion = load_motion_model(tiny.save(tiny.VERSIONS["v2"](), path.with_suffix(f".{processes.number}.safetensors")))
    looks = appearance(model, 2, seed=1)
    learner = with_appearance(learn_motion_lora(motion, 2, seed=1), looks)
    settings = TrainSettings(
        steps=steps,
        accumulation=2,
        learning_rate=1e-3,
        average=0.9,
        caption_dropout=0.5,
        save_every=PAUSE,
        automatic_checkpointing=False,
    )

    def watch(progress):
        if progress.step == PAUSE:
            shutil.copy(path, paused(path))

    checkpoint = Checkpoint(path, course(learner, data, settings))
    train(model, learner, data, settings, checkpoint, watch, director_loss(model, looks, True), processes)


def paused(path):
    return path.with_name(f"paused_{path.name}")


def gradient(processes=ALONE):
    """The gradient of one step of accumulation 4 in float64, as one vector."""
    settings = TrainSettings(accumulation=4)
    with torch.inference_mode(False), frozen(exact.image_model("small"), (FRAMES, 4, 8, 8)) as model:
        learner = start_new(model, seed=1)
        learner.motion.double()
        with torch.no_grad():
            for number, parameter in enumerate(learner.parameters.values()):  # where all of them have a gradient
                parameter += 0.1 * torch.randn(parameter.shape, generator=tiny.generator(number))
        network = Network(model, learner.motion, diffusion(model, PAPER_SCHEDULE))
        state = State(learner, settings, torch.device("cpu"), scaled=False)
        data = batches(model.model, clips(3), settings, torch.device("cpu"))
        _gradients(state, network, data, motion_loss, processes)
        processes.add_up(learner.parameters.values())
        return torch.cat([parameter.grad.flatten() for parameter in learner.parameters.values()])


def failing(path, processes, fail, watch=None, count=3, **changes):
    """Trains until process 1 calls `fail` with the loss of one of its steps; the error with which this one ends."""
    model, data, step = image_model("small"), clips(count), 0

    def loss(network, batch):
        nonlocal step
        step += 1
        for term in motion_loss(network, batch):
            yield fail(term) if processes.number == 1 and step == FAILS_AT else term

    learner, settings = (
        start_new(model, seed=1),
        TrainSettings(**({"steps": 4, "accumulation": 2} | changes), automatic_checkpointing=False),
    )
    checkpoint = Checkpoint(path, course(learner, data, settings))
    try:
        train(model, learner, data, settings, checkpoint, watch, loss, processes)
    except BaseException as error:
        try:
            processes.leave(error)
        except ProcessError as other:
            error = other
        return f"{type(error).__name__}: {error}"


def not_finite(term):
    return term * float("nan")


def error(term):
    raise RuntimeError("out of memory, say")


def full_disk(progress):
    if progress.step == FAILS_AT:
        raise OSError("no space left")


def interrupt(term):
    comfy.model_management.interrupt_current_processing()
    return term


def die(term):
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder):
    signal.signal(signal.SIGTERM, lambda *_: comfy.model_management.interrupt_current_processing())
    with joined() as processes:
        lora_run(folder / "two.training", STEPS, processes)
        lora_run(folder / "one_then_two.training", STEPS, processes)
        sums = gradient(processes)
        torch.save(sums, folder / f"gradient_{processes.number}.pt")
        raised = {
            "parts": failing(folder / "parts.training", processes, error, accumulation=3),
            "other clips": failing(folder / "other_clips.training", processes, error, count=3 - processes.number),
            "not finite": failing(folder / "not_finite.training", processes, not_finite),
            "error": failing(folder / "error.training", processes, error),
            "full disk": failing(folder / "full_disk.training", processes, lambda term: term, full_disk),
            "interrupt": failing(folder / "interrupt.training", processes, interrupt),
        }
        (folder / f"raised_{processes.number}.json").write_text(json.dumps(raised))
        raised = {"death": failing(folder / "death.training", processes, die)}  # of process 1, so the other one tells
        (folder / "raised_0.json").write_text(json.dumps(raised | json.loads((folder / "raised_0.json").read_text())))
        sys.exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
