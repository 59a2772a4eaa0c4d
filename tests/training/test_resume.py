"""A run that was stopped, in whatever way, goes on as if it had not been."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import comfy.model_management
import pytest
import torch
from training.run_to_be_killed import run

from kinema.training import validation
from kinema.training.checkpoint import CheckpointError
from kinema.training.config import EARLIER_NAMES


@pytest.fixture(scope="module")
def two_steps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_steps")
    run(folder / "mm.training", steps=2)
    return folder


@pytest.fixture
def path(two_steps, tmp_path):
    """The state of a run after two steps."""
    return Path(shutil.copy(two_steps / "mm.training", tmp_path))


@pytest.fixture(scope="module")
def four_steps():
    """What four steps without a stop lead to."""
    return run(None, steps=4)


def test_two_halves_equal_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "SPACING", 2)
    monkeypatch.setattr(validation, "ITEMS", 2)
    for name, steps in (("whole", 4), ("halves", 2), ("halves", 4)):
        run(tmp_path / f"{name}.training", steps)
    whole, halves = (torch.load(tmp_path / f"{name}.training", weights_only=True) for name in ("whole", "halves"))
    assert whole.keys() == halves.keys() and whole["step"] == halves["step"] == 4
    measured = ("untrained", "measured_on", "measurements")
    assert all(whole[name] == halves[name] for name in measured)
    assert [step for step, _ in whole["measurements"]] == [2, 4]
    assert whole["losses"] == halves["losses"] and len(set(whole["losses"])) == 4
    assert same(whole["parameters"], halves["parameters"]) and same(whole["average"], halves["average"])
    for number, moments in whole["optimizer"]["state"].items():
        assert same(moments, halves["optimizer"]["state"][number])


def test_an_interrupt_saves(tmp_path, four_steps):
    def interrupt(progress):
        if progress.step == 2:
            comfy.model_management.interrupt_current_processing()

    with pytest.raises(comfy.model_management.InterruptProcessingException):
        run(tmp_path / "mm.training", steps=6, watch=interrupt)
    assert torch.load(tmp_path / "mm.training", weights_only=True)["step"] == 2
    assert same(run(tmp_path / "mm.training", steps=4), four_steps)


def test_a_killed_process_goes_on_from_its_last_save(tmp_path):
    path = tmp_path / "mm.training"
    script = Path(__file__).with_name("run_to_be_killed.py")
    process = subprocess.Popen([sys.executable, str(script), str(path)])
    deadline = time.monotonic() + 300
    while not path.exists() or torch.load(path, weights_only=True)["step"] < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopped = torch.load(path, weights_only=True)["step"]
    assert stopped >= 2
    assert same(run(path, steps=stopped + 1), run(None, steps=stopped + 1))


@pytest.mark.parametrize(
    "change, words",
    [({"seed": 43}, ("seed 42", "seed is now 43")), ({"learning_rate": 0.5}, ("learning_rate 0.001", "0.5")),
     ({"learning_rate_curve": "cosine"}, ("learning_rate_curve (learning_rate_schedule) 'constant'", "'cosine'")),
     ({"beta_end": 0.5}, ("noise_schedule (with beta_start and beta_end) betas sqrt_linear, first 0.00085, last 0.012",
                          "last 0.5"))],
)  # fmt: skip
def test_other_settings_are_refused(path, change, words):
    with pytest.raises(CheckpointError) as error:
        run(path, steps=4, **change)
    for word in (path.name, "start a new run under another name", *words):
        assert word in str(error.value)


def test_a_state_from_before_settings_had_the_names_of_the_inputs(path, four_steps):
    """What such a state said about its run, as it was written then."""
    state = torch.load(path, weights_only=True)
    assert state["course"].keys() == {
        *("learning_rate", "batch_size", "accumulation", "seed", "noise_schedule", "warmup", "learning_rate_curve"),
        *("weight_decay", "clip_norm", "average", "caption_dropout", "timestep_bias", "weight_limit", "precision"),
        *("clips", "start"),
    }
    earlier = {new: old for old, new in EARLIER_NAMES.items()}
    then = {earlier.get(name, name): value for name, value in state["course"].items()}
    assert then["schedule"] == {"betas": "sqrt_linear", "first": 0.00085, "last": 0.012, "lcm_steps": None}
    assert then["batch"] == 1 and then["rate"] == "constant"
    torch.save(state | {"course": then}, path)
    assert same(run(path, steps=4), four_steps)


def test_a_state_from_before_clips_had_hashes(path, four_steps):
    """The fingerprint of its clips is as it was written then."""
    state = torch.load(path, weights_only=True)
    then = state["course"] | {"clips": "5d8046d1ebe8317564dda666114ba693"}
    torch.save(state | {"course": then}, path)
    with pytest.raises(CheckpointError, match="was trained with seed 42, but seed is now 43"):
        run(path, steps=4, seed=43)
    assert same(run(path, steps=4), four_steps)
    torch.save(state | {"course": then | {"clips": "0" * 32}}, path)
    with pytest.raises(CheckpointError, match="was trained on 3 clips, not on the 3 clips with the current videos"):
        run(path, steps=4)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    path = tmp_path / "mm.training"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match=r'"mm.training" is damaged, .* Delete it'):
        run(path, steps=2)


def test_nothing_unfinished_is_left(two_steps):
    assert [file.name for file in two_steps.iterdir()] == ["mm.training"]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(torch.as_tensor(a[key]), torch.as_tensor(b[key])) for key in a)
