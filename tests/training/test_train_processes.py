"""`dev.py train --processes 2`: stopped with Ctrl+C, and finished by one process as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import HOST
from training.video_files import pictures, write_video

from tools import random_models
from tools.train.job import read_job
from tools.train.launch import check_cards, check_shares, launch

DEV = Path(__file__).resolve().parents[2] / "dev.py"
ENVIRONMENT = {**os.environ, "COMFYUI_PATH": str(HOST)}
FINISH = """
import sys
from tools.train import main
sys.exit(max(main([file]) for file in sys.argv[1:]))
"""
"""Both runs in one process, which computes attention as the command's own processes do and the tests' process does not."""


@pytest.fixture(autouse=True)
def handlers():
    """The signals' own handlers, which the command replaces."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def write_job(folder, output, steps, **changes):
    """A motion LoRA on two videos, with a state after every step."""
    models = random_models.ensure(HOST)
    tables = {
        "run": {"output": output, "checkpoint": str(models.checkpoint), "motion_model": str(models.motion_model)},
        "clips": {"folder": "videos", "frames": 2, "stride": 3, "width": 32, "height": 32, "cache": "latents"},
        "settings": {
            **{"steps": steps, "accumulation": 2, "save_every": 1, "learning_rate": 1e-3},
            "automatic_checkpointing": False,
        },
        "lora": {"rank": 2},
    }
    for table, values in changes.items():
        tables[table] = {key: value for key, value in (tables[table] | values).items() if value is not None}
    file = folder / "job.json"
    file.write_text(json.dumps(tables))
    return file


def start(file, *arguments):
    command = [sys.executable, str(DEV), "train", str(file), *arguments]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_stopped_and_finished_with_another_number_of_processes(tmp_path):
    (tmp_path / "videos").mkdir()
    for name in ("a", "b"):
        write_video(tmp_path / "videos" / f"{name}.mp4", pictures())
    (tmp_path / "videos" / "a.txt").write_text("a fish")
    running = start(write_job(tmp_path, "stopped.safetensors", steps=10_000), "--processes", "2")
    state, deadline = tmp_path / "stopped.training", time.monotonic() + 300
    while not state.exists():
        assert running.poll() is None and time.monotonic() < deadline, running.communicate()[1]
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "which are saved. Run it again to continue.\nTo continue, run `dev.py train job.json` again." in output
    steps = torch.load(state, weights_only=True)["step"] + 1

    files = []
    for name, cache in (("stopped", "latents"), ("undisturbed", None)):
        file = write_job(tmp_path, f"{name}.safetensors", steps, clips={"cache": cache})
        files.append(str(file.rename(tmp_path / f"{name}.json")))
    finishing = subprocess.run([sys.executable, "-c", FINISH, *files], cwd=DEV.parent, env=ENVIRONMENT)
    assert finishing.returncode == 0
    ends = [torch.load(tmp_path / f"{name}.training", weights_only=True) for name in ("stopped", "undisturbed")]
    assert ends[0]["step"] == ends[1]["step"] == steps and ends[0]["losses"] == ends[1]["losses"]
    for values in ("parameters", "average"):
        assert all(torch.equal(value, ends[1][values][name]) for name, value in ends[0][values].items())


@pytest.mark.parametrize(
    "changes, processes, message",
    [
        ({"settings": {"accumulation": 3}}, 2, "accumulation is 3, but the run has 2 processes"),
        ({"clips": {"cache": None}}, 2, "2 processes share their clips in a folder, but [clips] has no cache"),
        ({}, 0, "--processes is 0, but must be 1 or more."),
    ],
)
def test_what_cannot_be_shared_is_refused(tmp_path, changes, processes, message):
    file = write_job(tmp_path, "a.safetensors", 1, **changes)
    with pytest.raises(ValueError) as error:
        check_shares(read_job(file), processes)
    assert message in str(error.value)


def test_more_processes_than_cards_are_refused():
    check_cards(processes=2, cards=2)
    with pytest.raises(
        ValueError, match="runs 4 processes, but the number of its graphics cards is 2. Set --processes to 2."
    ):
        check_cards(processes=4, cards=2)


def test_machines_that_do_not_come_are_reported(capsys):
    assert launch(["never.py"], 1, 1, ["--nnodes=2", "--rdzv-conf=join_timeout=1"]) == 1
    assert "The other machines cannot be reached, or their processes have ended: " in capsys.readouterr().err
