"""Gradient checkpointing turns itself on where a step would not fit."""

from dataclasses import replace

import pytest
import tiny
import torch
from training.moving import clips

from kinema.training import memory
from kinema.training.clip_batches import batches
from kinema.training.config import TrainSettings
from kinema.training.frozen import frozen
from kinema.training.learner import start_new
from kinema.training.loop import course, train
from kinema.training.memory import step_bytes
from kinema.training.objective import Network, diffusion, motion_loss
from kinema.training.state import State

CPU = torch.device("cpu")


def test_the_estimate_for_long_clips_follows_from_short_ones(monkeypatch):
    """Within the attention over the frames, which grows faster."""
    settings = TrainSettings()
    data = clips(frames=12)
    with torch.inference_mode(False), frozen(tiny.image_model("small"), (12, 4, 8, 8)) as model:
        learner = start_new(model, 1)
        network = Network(model, learner.motion, diffusion(model, settings.schedule(learner.motion.spec.family)))
        state = State(learner, settings, CPU, scaled=False)

        def needed(**changes):
            how = replace(settings, **changes)
            return step_bytes(network, (), state, batches(model.model, data, how, CPU), motion_loss)

        estimated, of_two = needed(), needed(batch_size=2)
        monkeypatch.setattr(memory, "FEW", 12)
        monkeypatch.setattr(memory, "MORE", 13)
        counted = needed()
    weights = 12 * sum(parameter.numel() for parameter in learner.parameters.values())
    assert estimated - weights == pytest.approx(counted - weights, rel=0.1)
    assert of_two - weights == pytest.approx(2 * (estimated - weights), rel=0.1)


def test_a_step_that_does_not_fit(monkeypatch):
    """Because everything is taken for much larger than it is."""
    monkeypatch.setattr(memory, "SPARE", 1e12)
    results = []
    for automatic in (True, False):
        model, told, recomputed = tiny.image_model("small"), [], []

        def loss(network, batch, seen=recomputed):
            seen.append(any("forward" in vars(module) for module in network.unet.modules()))
            return motion_loss(network, batch)

        settings = TrainSettings(steps=1, average=0.0, automatic_checkpointing=automatic)
        done = train(model, start_new(model, 1), clips(), settings, loss=loss, tell=told.append)
        results.append(done.values)
        assert recomputed[-1] == automatic and len(told) == automatic
        if automatic:
            assert told[0].startswith("Gradient checkpointing was turned on, because a step without it needs about ")
            assert told[0].endswith(" GB are free. With it, a step takes about a third longer; the result is the same.")
    assert all(torch.equal(value, results[1][name]) for name, value in results[0].items())


def test_it_is_no_part_of_what_decides_a_run():
    learner, data = start_new(tiny.image_model("small"), 1), clips()
    on, off = (course(learner, data, TrainSettings(automatic_checkpointing=automatic)) for automatic in (True, False))
    assert on.values == off.values
