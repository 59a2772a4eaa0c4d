"""Running a training again: what goes on, what is finished, what is refused, and what the user is told."""

import functools
from dataclasses import replace

import pytest
import tiny
import torch
from training.moving import clips

from kinema.training.checkpoint import ABOUT_CLIPS, CheckpointError
from kinema.training.config import TrainSettings
from kinema.training.jobs import TrainingJob, session_for

image_model = functools.cache(tiny.image_model)
FISH, BIRDS = 'the folder "fish"', 'the folder "birds"'


def run(folder, steps, seed=42, count=3, origin=FISH, curve="constant", **job):
    """Runs the training in `folder`; what the user was told."""
    told = []
    settings = TrainSettings(
        steps=steps, seed=seed, learning_rate=1e-3, learning_rate_curve=curve, average=0.0, caption_dropout=0.0
    )
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


def test_a_run_keeps_the_seed_that_it_began_with(tmp_path):
    halves, whole = tmp_path / "halves", tmp_path / "whole"
    assert run(halves, 1) == run(whole, 2) == []
    assert run(halves, 2, seed=7) == [
        "The training continues with the seed 42 that it began with, not with 7. To use 7, start a new run under another name."
    ]
    assert same(halves, whole)
    assert run(halves, 1, seed=7, start_again=True) == []
    assert state(halves)["course"]["seed"] == 7 and state(halves)["step"] == 1


def test_a_finished_run_stays_as_it_is(tmp_path):
    run(tmp_path, 1)
    written = times(tmp_path)
    finished = '"mine.safetensors" is finished. Steps done: 1.'
    others = (
        'The file was trained on 3 clips of the folder "fish", not on 1 clip of the folder "birds". To train on the current '
        "clips too, raise steps and turn on other_clips."
    )
    assert run(tmp_path, 1) == [f"{finished} To train it further, raise steps."]
    assert run(tmp_path, 1, count=1, origin=BIRDS) == [f"{finished} {others}"]
    assert run(tmp_path, 1, kind="v2") == [f"{finished} The training run was started with a different motion model."]
    assert times(tmp_path) == written
    (tmp_path / "mine.safetensors").unlink()
    assert run(tmp_path, 1) == [] and (tmp_path / "mine.safetensors").exists()


def test_a_finished_run_whose_steps_cannot_be_raised(tmp_path):
    run(tmp_path, 1, curve="cosine")
    assert run(tmp_path, 1, count=1, origin=BIRDS, curve="cosine") == [
        '"mine.safetensors" is finished. Steps done: 1. The file was trained on 3 clips of the folder "fish", not on 1 clip '
        'of the folder "birds".'
    ]


def test_other_clips_are_refused_unless_asked_for(tmp_path):
    halves, whole = tmp_path / "halves", tmp_path / "whole"
    for folder in (halves, whole):
        run(folder, 1)
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
    settings = TrainSettings(steps=4, learning_rate=1e-3, average=0.0, caption_dropout=0.0)
    session_for(
        TrainingJob(model=image_model(), clips=renamed, settings=settings, file=folder / "mine.safetensors")
    ).run(lambda progress: None)


def test_a_state_that_does_not_say_its_clips_in_words(tmp_path):
    """As it was written before there were such words."""
    run(tmp_path, 1)
    then = state(tmp_path)
    del then[ABOUT_CLIPS]
    torch.save(then, tmp_path / "mine.training")
    told = run(tmp_path, 1, count=1, origin=BIRDS)
    assert "was trained on other clips, not on 1 clip of the folder" in told[0]
    with pytest.raises(CheckpointError, match='was trained on other clips, not on 1 clip of the folder "birds"'):
        run(tmp_path, 2, count=1, origin=BIRDS)
    assert run(tmp_path, 2) == [] and state(tmp_path)[ABOUT_CLIPS] == '3 clips of the folder "fish"'
