"""The measured loss tells what has been learned, and measuring changes nothing."""

import pytest
import tiny
import torch
from training.moving import clips

from kinema.training import validation
from kinema.training.config import TrainSettings
from kinema.training.learner import start_new
from kinema.training.loop import train
from kinema.training.loss_plot import loss_plot, moving_average
from kinema.training.objective import motion_loss
from kinema.training.record import Record
from kinema.training.validation import relative, steps_between

HOW = TrainSettings(steps=4, learning_rate=1e-2, average=0.0, caption_dropout=0.0, automatic_checkpointing=False)


def uphill(network, batch):
    """A loss whose steps lead upwards."""
    for term in motion_loss(network, batch):
        yield -term if torch.is_grad_enabled() else term


@pytest.mark.parametrize("loss, expected", [(motion_loss, (0.5, 0.99)), (uphill, (1.01, 10.0))])
def test_it_falls_while_a_run_learns_and_rises_while_it_diverges(loss, expected, monkeypatch):
    monkeypatch.setattr(validation, "SPACING", 4)
    model = tiny.image_model("small")
    ((step, value),) = train(model, start_new(model, 1), clips(), HOW, loss=loss).measurements
    assert step == 4 and expected[0] < value < expected[1]


def test_when_it_is_due():
    assert steps_between(TrainSettings()) == 50
    assert steps_between(TrainSettings(batch_size=2, accumulation=2)) == 13
    assert steps_between(TrainSettings(batch_size=64)) == 1


def test_all_noise_levels_count_alike():
    assert relative([0.5, 0.02], [1.0, 0.02]) == 0.75


def test_the_average_of_losses_does_not_lean_to_its_start():
    assert moving_average([2.0] * 30) == [2.0] * 30
    assert moving_average([0.0, 1.0])[1] == pytest.approx(1 / (1 + 0.95))


def test_a_plot_of_a_run_that_diverged():
    plot = loss_plot(Record(3, 100, [0.5, 0.6, 9.0], [(1, 1.5), (2, float("inf")), (3, float("nan"))]))
    assert plot.size == (768, 384)
