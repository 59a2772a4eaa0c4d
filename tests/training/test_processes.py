"""Two processes learn what one learns, and end together. gloo on the CPU; real processes of torch's launcher."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training.one_of_two import STEPS, gradient, lora_run, paused

REPOSITORY = Path(__file__).resolve().parents[2]


LAUNCH = """
import sys
from tools import in_host
in_host.import_extension()
from tools.train.launch import launch
sys.exit(launch(sys.argv[1:], processes=2, threads=1, options=[]))
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Two processes that began with the state that one process had after some steps, until the second one was killed."""
    folder = tmp_path_factory.mktemp("processes")
    lora_run(folder / "one.training", STEPS)
    paused(folder / "one.training").rename(folder / "one_then_two.training")
    script = Path(__file__).with_name("one_of_two.py")
    command = [sys.executable, "-c", LAUNCH, str(script), str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=900)
    assert "death" in (folder / "raised_0.json").read_text(), done.stderr
    return folder, done


@pytest.fixture(scope="module")
def folder(ended):
    return ended[0]


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
    "what, raised, told, steps",
    [
        (
            "parts",
            "ValueError: accumulation is 3, but the run has 2 processes, which",
            "0 of 2 stopped: accumulation is",
            0,
        ),
        (
            "other clips",
            "ProcessError: Process 1 would start with step and clip fingerprint (0, '",
            "Make sure that all machines see the same settings file",
            0,
        ),
        ("not finite", "ValueError: The loss became nan at step 2", "0 of 2 stopped: The loss became nan at step 2", 1),
        ("error", "ProcessError: Process 1 of 2 stopped: out of memory, say", "RuntimeError: out of memory, say", 1),
        ("full disk", "OSError: no space left", "ProcessError: Process 0 of 2 stopped: no space left", 2),
        ("interrupt", "InterruptProcessingException: ", "InterruptProcessingException: ", 2),
        ("death", "ProcessError: Process 0 of 2 stopped, because another process ended without a message.", "", 1),
    ],
)
def test_what_stops_one_stops_both(folder, what, raised, told, steps):
    """The first one with `raised`, the other one with `told`, after `steps`, which are saved."""
    ends = [json.loads((folder / f"raised_{number}.json").read_text()) for number in (0, 1)]
    assert ends[0][what].startswith(raised) and told in ends[1].get(what, "")
    file = folder / f"{what.replace(' ', '_')}.training"
    assert (state(file)["step"] if file.exists() else 0) == steps


def test_the_launcher_tells_of_a_killed_process(ended):
    done = ended[1]
    assert done.returncode == 1
    assert "Process 1 was ended by signal 9, perhaps because memory ran out. Run the same command again" in done.stderr


def state(path):
    return torch.load(path, weights_only=True)


def same(one, other):
    values = ("parameters", "average")
    return (
        one["step"] == other["step"]
        and one["losses"] == other["losses"]
        and all(torch.equal(one[key][name], other[key][name]) for key in values for name in one[key])
    )
