"""Running a training again: what goes on, what is finished, what is refused, and what the user is told."""

import functools
import shutil
from dataclasses import replace

import pytest
import tiny
import torch
from training.moving import clips

from kinema.training.checkpoint import ABOUT_CLIPS, CheckpointError
from kinema.training.config import TrainSettings
from kinema.training.jobs import TrainingJob, session_for

image_model = functools.partial(functools.cache(tiny.image_model), "small")
FISH, BIRDS = 'the folder "fish"', 'the folder "birds"'
HOW = TrainSettings(learning_rate=1e-3, average=0.0, caption_dropout=0.0, automatic_checkpointing=False)


@pytest.fixture(scope="module")
def one_step(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one_step")
    assert run(folder, 1) == []
    return folder


@pytest.fixture
def begun(one_step, tmp_path):
    """The folder of a run that has done its one step."""
    return shutil.copytree(one_step, tmp_path / "begun")


def run(folder, steps, seed=42, count=3, origin=FISH, curve="constant", **job):
    """Runs the training in `folder`; what the user was told."""
    told = []
    settings = replace(HOW, steps=steps, seed=seed, learning_rate_curve=curve)
    asked = TrainingJob(
        model=image_model(),
        clips=replace(clips(count), origin=origin),
        settings=settings,
        file=folder / "mine.safetensors",
        tell=told.append,
        **job,
    )
    record = session_for(asked).run(lambda progress: None)
    assert record.step == len(record.losses)
    return told


def state(folder):
    return torch.load(folder / "mine.training", weights_only=True)


def times(folder):
    return [(folder / name).stat().st_mtime_ns for name in ("mine.safetensors", "mine.training")]


def same(folder, other):
    one, two = state(folder), state(other)
    alike = all(torch.equal(value, two["parameters"][name]) for name, value in one["parameters"].items())
    return alike and one["losses"] == two["losses"] and one["course"] == two["course"]


def test_a_run_keeps_the_seed_that_it_began_with(begun, tmp_path):
    whole = tmp_path / "whole"
    assert run(whole, 2) == []
    assert run(begun, 2, seed=7) == [
        "The training continues with the seed 42 that it began with, not with 7. To use 7, start a new run under another name."
    ]
    assert same(begun, whole)
    assert run(begun, 1, seed=7, start_again=True) == []
    assert state(begun)["course"]["seed"] == 7 and state(begun)["step"] == 1


def test_a_finished_run_stays_as_it_is(begun):
    written = times(begun)
    finished = '"mine.safetensors" is finished. Steps done: 1.'
    others = (
        'The file was trained on 3 clips of the folder "fish", not on 1 clip of the folder "birds". To train on the current '
        "clips too, raise steps and turn on other_clips."
    )
    assert run(begun, 1) == [f"{finished} To train it further, raise steps."]
    assert run(begun, 1, count=1, origin=BIRDS) == [f"{finished} {others}"]
    assert run(begun, 1, kind="v2") == [f"{finished} The training run was started with a different motion model."]
    assert times(begun) == written
    (begun / "mine.safetensors").unlink()
    assert run(begun, 1) == [] and (begun / "mine.safetensors").exists()


def test_a_finished_run_whose_steps_cannot_be_raised(tmp_path):
    run(tmp_path, 1, curve="cosine")
    assert run(tmp_path, 1, count=1, origin=BIRDS, curve="cosine") == [
        '"mine.safetensors" is finished. Steps done: 1. The file was trained on 3 clips of the folder "fish", not on 1 clip '
        'of the folder "birds".'
    ]


def test_other_clips_are_refused_unless_asked_for(begun, tmp_path):
    halves, whole = begun, shutil.copytree(begun, tmp_path / "whole")
    with pytest.raises(CheckpointError) as error:
        run(halves, 2, count=4, origin=BIRDS)
    assert str(error.value) == (
        '"mine.training" was trained on 3 clips of the folder "fish", not on 4 clips of the folder "birds". Turn on '
        "other_clips to continue with the current clips, connect the earlier clips again, or start a new run under another "
        "name."
    )
    run(halves, 2, count=4, origin=BIRDS, other_clips=True)
    run(halves, 3, count=4, origin=BIRDS)
    run(whole, 3, count=4, origin=BIRDS, other_clips=True)
    assert same(halves, whole) and state(whole)[ABOUT_CLIPS] == '4 clips of the folder "birds"'
    with pytest.raises(CheckpointError, match="with the current videos, captions and sizes. Turn on other_clips"):
        session_with_other_captions(halves)
    with pytest.raises(CheckpointError, match='"mine.training" was started with a different motion model.'):
        run(halves, 4, count=4, origin=BIRDS, kind="v2")


def session_with_other_captions(folder):
    data = replace(clips(4), origin=BIRDS)
    renamed = replace(data, clips=tuple(replace(clip, caption="another") for clip in data.clips))
    settings = replace(HOW, steps=4)
    session_for(
        TrainingJob(model=image_model(), clips=renamed, settings=settings, file=folder / "mine.safetensors")
    ).run(lambda progress: None)


def test_a_state_that_does_not_say_its_clips_in_words(begun):
    """As it was written before there were such words."""
    then = state(begun)
    del then[ABOUT_CLIPS]
    torch.save(then, begun / "mine.training")
    told = run(begun, 1, count=1, origin=BIRDS)
    assert "was trained on other clips, not on 1 clip of the folder" in told[0]
    with pytest.raises(CheckpointError, match='was trained on other clips, not on 1 clip of the folder "birds"'):
        run(begun, 2, count=1, origin=BIRDS)
    assert run(begun, 2) == [] and state(begun)[ABOUT_CLIPS] == '3 clips of the folder "fish"'
