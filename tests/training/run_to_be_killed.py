"""A small training run: imported by the tests of resuming, and run as a process that one of them kills.

Usage: run_to_be_killed.py CHECKPOINT
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # a process of its own enters the host as the tests do
    TESTS = Path(__file__).resolve().parent.parent
    sys.path[:0] = [str(TESTS), str(TESTS / "support")]
    import conftest  # noqa: F401

import tiny
from training.moving import clips

from kinema.training.checkpoint import Checkpoint
from kinema.training.config import TrainSettings
from kinema.training.learner import start_new
from kinema.training.loop import course, train

HOW = {
    **{"learning_rate": 1e-3, "average": 0.9, "caption_dropout": 0.5, "warmup": 3, "save_every": 1},
    "automatic_checkpointing": False,
}


def run(path, steps, watch=None, **changes):
    """What `steps` steps lead to, copied; saved in the checkpoint file `path` unless that is None."""
    model, data, settings = tiny.image_model("small"), clips(3), TrainSettings(steps=steps, **(HOW | changes))
    learner = start_new(model, seed=1)
    checkpoint = None if path is None else Checkpoint(path, course(learner, data, settings))
    values = train(model, learner, data, settings, checkpoint, watch).values
    return {name: value.clone() for name, value in values.items()}


if __name__ == "__main__":
    run(Path(sys.argv[1]), steps=1_000_000)
