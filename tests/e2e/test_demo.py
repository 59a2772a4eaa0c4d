"""The README's first command, as a person runs it."""

import json
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import psutil
import pytest

from tools import random_models, server
from tools.environment import REPOSITORY

from .conftest import HOST


def command(output: Path, *options: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "dev.py"), "demo", "--output", str(output), *options]


def demo(output: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(output, *options), cwd=output.parent, capture_output=True, text=True)


def assert_made(output: Path, said: str) -> None:
    """One animated picture and one video lie in `output`, and nothing else; both were named."""
    made = list(output.iterdir())
    assert {file.name for file in made} == {"kinema_00001.webp", "kinema_00001.mp4"}
    assert all(str(file) in said for file in made)


@pytest.fixture
def own(tmp_path: Path) -> tuple[Path, Path]:
    """A person's checkpoint and motion model, in folders of theirs."""
    models = random_models.ensure(HOST)
    files = tmp_path / "my models" / "mine.safetensors", tmp_path / "motion" / "my_v3.safetensors"
    for source, target in zip((models.checkpoint, models.motion_model), files, strict=True):
        server.place(source, target)
    return files


def test_the_demo_with_a_persons_own_models_and_wishes(own: tuple[Path, Path], tmp_path: Path) -> None:
    models = "--checkpoint", str(own[0]), "--motion-model", str(own[1])
    words = "--prompt", "a boat", "--negative", "rain"
    numbers = "--frames", "3", "--steps", "1", "--size", "64x48", "--fps", "6", "--seed", "5", "--device", "cpu"
    done = demo(tmp_path / "out", *models, *words, *numbers)
    assert done.returncode == 0, done.stderr
    assert_made(tmp_path / "out", done.stdout)
    assert "That was the miniature" not in done.stdout
    with av.open(str(next((tmp_path / "out").glob("*.mp4")))) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (64, 48, Fraction(6))
        assert len(list(container.decode(stream))) == 3
        prompt = json.loads(container.metadata["prompt"])
    assert prompt["1"]["inputs"]["ckpt_name"] == "mine.safetensors"
    assert prompt["2"]["inputs"]["motion_model"] == "my_v3.safetensors"
    assert [prompt[node]["inputs"]["text"] for node in "45"] == ["a boat", "rain"]
    assert (prompt["7"]["inputs"]["seed"], prompt["7"]["inputs"]["steps"]) == (5, 1)


def test_wrong_options_are_refused_before_anything_starts(own: tuple[Path, Path], tmp_path: Path) -> None:
    for options, said in (
        (["--checkpoint", str(own[0])], "--checkpoint and --motion-model belong together"),
        (["--checkpoint", str(own[0]), "--motion-model", "absent.ckpt"], "there is no file absent.ckpt"),
        (["--size", "64x"], '"64x" is not a size. Give WIDTHxHEIGHT or one number'),
    ):
        done = demo(tmp_path / "out", *options)
        assert done.returncode == 2 and said in done.stderr
        assert not (tmp_path / "out").exists()
    (tmp_path / "a file").touch()
    done = demo(tmp_path / "a file")
    assert done.returncode == 2 and "a file, which is a file: name a folder" in done.stderr


def test_a_wrong_motion_model_is_said_in_a_sentence(own: tuple[Path, Path], tmp_path: Path) -> None:
    swapped = demo(tmp_path / "out", "--checkpoint", str(own[0]), "--motion-model", str(own[0]), "--frames", "2")
    assert swapped.returncode == 1 and "Traceback" not in swapped.stderr
    assert (
        '"mine.safetensors" is a whole checkpoint, not a motion model. Load it with Load Checkpoint.' in swapped.stderr
    )


def test_an_interrupted_demo_leaves_nothing_and_the_next_prints_the_files_it_made(tmp_path: Path) -> None:
    output, temporary = tmp_path / "out", tmp_path / "tmp"
    temporary.mkdir()
    variables = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command(output, "--steps", "2000"),
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.default_int_handler
        ),  # a shell in the background ignores it
    ) as running:
        try:
            assert running.stdout and running.stderr
            while "Apply Motion Model" not in (line := running.stdout.readline()):  # printed when the sampler begins
                assert line, running.stderr.read()
            assert processes_that_name(temporary)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
        finally:
            running.terminate()  # does nothing once it has ended
    assert running.returncode == 1 and "Interrupted. Run the same command again" in said and "Traceback" not in said
    assert not processes_that_name(temporary)
    assert not output.exists() and not list(temporary.glob("kinema-*"))
    again = demo(output, "--frames", "2", "--steps", "1")
    assert again.returncode == 0, again.stderr
    assert_made(output, again.stdout)
    assert "KSampler" in again.stdout and "That was the miniature" in again.stdout


def processes_that_name(folder: Path) -> list[psutil.Process]:
    """The servers whose base is in `folder`."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "main.py" in (line := " ".join(process.info["cmdline"] or [])) and str(folder) in line
    ]
