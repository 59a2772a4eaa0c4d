"""Two processes learn what one learns, and end together. gloo on the CPU; real processes of torch's launcher."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training.one_of_two import STEPS, gradient, lora_run, paused


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes left, which found the state that one process had after some steps."""
    folder = tmp_path_factory.mktemp("processes")
    lora_run(folder / "one.training", STEPS)
    paused(folder / "one.training").rename(folder / "one_then_two.training")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    script = Path(__file__).with_name("one_of_two.py")
    done = subprocess.run([*launcher, str(script), str(folder)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return folder


def test_two_processes_learn_what_one_learns(folder):
    """Bit for bit, with accumulation 2 and with parameters that have a gradient in one of the parts or in none."""
    assert same(state(folder / "two.training"), state(folder / "one.training"))


def test_a_run_goes_on_with_another_number_of_processes(folder):
    whole = state(folder / "one.training")
    assert same(state(folder / "one_then_two.training"), whole)
    begun = paused(folder / "two.training").rename(folder / "two_then_one.training")
    lora_run(begun, STEPS)
    assert same(state(begun), whole)


def test_the_gradient_of_more_parts_differs_by_rounding_only(folder):
    first, second = (torch.load(folder / f"gradient_{number}.pt") for number in (0, 1))
    alone = gradient()
    assert alone.dtype == torch.float64 and torch.equal(first, second)
    assert (first - alone).norm() <= 1e-6 * alone.norm()


@pytest.mark.parametrize(
    "what, first, second, steps",
    [
        ("parts", "ValueError: accumulation is 3, but the run has 2 processes", "ValueError: accumulation is 3,", 0),
        ("not finite", "ValueError: The loss became nan at step 3", "ProcessError: Process 0 of 2 stopped: The loss bec", 2),
        ("error", "ProcessError: Process 1 of 2 stopped: out of memory, say", "RuntimeError: out of memory, say", 2),
        ("interrupt", "InterruptProcessingException: ", "InterruptProcessingException: ", 3),
    ],
)  # fmt: skip
def test_what_stops_one_stops_all(folder, what, first, second, steps):
    """After `steps`, which are saved."""
    raised = [json.loads((folder / f"raised_{number}.json").read_text())[what] for number in (0, 1)]
    assert raised[0].startswith(first) and raised[1].startswith(second)
    file = folder / f"{what.replace(' ', '_')}.training"
    assert (state(file)["step"] if file.exists() else 0) == steps


def state(path):
    return torch.load(path, weights_only=True)


def same(one, other):
    values = ("parameters", "average")
    return (
        one["step"] == other["step"]
        and one["losses"] == other["losses"]
        and all(torch.equal(one[key][name], other[key][name]) for key in values for name in one[key])
    )
