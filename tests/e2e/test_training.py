"""Training on a running server and on the command line: from a folder with a video to a motion model that animates."""

import json
import os
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
import safetensors
from PIL import Image

from tools import random_models
from tools.client import Client, Event, Prompt
from tools.environment import REPOSITORY
from tools.graph import to_graph
from tools.server import Server

from .conftest import HOST, JOB

if TYPE_CHECKING:
    from .browser import Canvas

CLIPS, TRAIN = "2", "3"


def write_video(path: Path) -> None:
    """A white column that moves to the right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(8))
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for i in range(8):
            picture = np.zeros((32, 32, 3), np.uint8)
            picture[:, 3 * i : 3 * i + 6] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def training(client: Client, name: str, **settings: Any) -> Prompt:
    """Load Checkpoint → Load Clips → Train Motion Model, with the nodes' own defaults for the rest."""
    info = client.object_info()

    def node(class_type: str, **inputs: Any) -> dict[str, Any]:
        described = info[class_type]["input"]["required"].items()
        defaults = {key: options["default"] for key, (_, options) in described if "default" in options}
        return {"class_type": class_type, "inputs": defaults | inputs}

    clips = {"frames": 2, "stride": 3, "width": 32, "height": 32, "prompt": "a white column"}
    return {
        "1": node("CheckpointLoaderSimple", ckpt_name=JOB.checkpoint),
        CLIPS: node("KinemaLoadClips", vae=["1", 2], clip=["1", 1], folder="columns", **clips),
        TRAIN: node("KinemaTrainMotionModel", model=["1", 0], clips=[CLIPS, 0], name=name, accumulation=1, **settings),
    }


def test_a_motion_model_is_trained_on_the_server(comfy: Server, client: Client) -> None:
    write_video(comfy.base / "input" / "columns" / "a.mp4")
    values: list[int] = []

    def interrupt_after_one(event: Event) -> None:
        if event.kind == "progress" and event.data["node"] == TRAIN:
            values.append(event.data["value"])
            client.interrupt(prompt_id)

    file = comfy.base / "models" / "animatediff_models" / "columns.safetensors"
    prompt_id = client.submit(training(client, "columns", steps=1000, sample_every=0))
    assert client.follow(prompt_id, interrupt_after_one).status == "interrupted"
    done = steps_of(file)
    assert values[0] == 1 and done in (values[-1], values[-1] + 1)

    result = client.run(training(client, "columns", steps=done + 1, sample_every=done + 1))
    assert CLIPS in result.cached and TRAIN in result.executed
    assert steps_of(file) == done + 1
    with Image.open(comfy.path(result.outputs[TRAIN][0])) as sample:
        assert (sample.format, sample.n_frames) == ("WEBP", 2)
    loadable = client.object_info()["KinemaLoadMotionModel"]["input"]["required"]["motion_model"][1]["options"]
    assert "columns.safetensors" in loadable and not any(".training" in name for name in loadable)


CONNECT = """([model, clips]) => {
    const node = app.graph.nodes.find(node => node.type == "KinemaTrainMotionModel");
    app.graph.getNodeById(model).connect(0, node, node.findInputSlot("model"));
    app.graph.getNodeById(clips).connect(0, node, node.findInputSlot("clips"));
    return String(node.id);
}"""


SEED_CONTROL = """id => {
    const widgets = app.graph.nodes.find(node => node.id == id).widgets;
    return widgets[1 + widgets.findIndex(widget => widget.name == "seed")].value;
}"""


def test_training_goes_on_as_people_run_it(comfy: Server, client: Client, canvas: "Canvas") -> None:
    """The node comes from the search box, runs, is interrupted and runs again: its seed must not change meanwhile."""
    write_video(comfy.base / "input" / "columns" / "a.mp4")
    others = {node_id: node for node_id, node in training(client, "searched").items() if node_id != TRAIN}
    canvas.load(to_graph(others, client.object_info()))
    canvas.add_from_library("Train Motion Model")
    train = canvas.evaluate(CONNECT, [1, int(CLIPS)])
    assert canvas.evaluate(SEED_CONTROL, train) == "fixed"
    for name, value in {
        "name": "searched",
        "steps": 1000,
        "sample_every": 0,
        "accumulation": 1,
        "save_every": 1,
    }.items():
        canvas.set_widget(train, name, value)
    first = canvas.queue()
    file = comfy.base / "models" / "animatediff_models" / "searched.safetensors"
    state = file.with_suffix(".training")
    give_up = time.monotonic() + 120
    while not state.exists():
        assert time.monotonic() < give_up
        time.sleep(0.1)
    client.interrupt(first)
    with pytest.raises(RuntimeError, match="ended with"):
        canvas.wait(first)
    canvas.set_widget(train, "steps", steps_of(file) + 1)
    assert canvas.wait(canvas.queue())[train]
    assert not canvas.errors


def test_a_motion_model_is_trained_on_the_command_line(tmp_path: Path) -> None:
    write_video(tmp_path / "columns" / "a.mp4")
    job = tmp_path / "job.json"
    checkpoint = str(random_models.ensure(HOST).checkpoint)
    clips = {"folder": "columns", "frames": 2, "stride": 3, "width": 32, "height": 32}
    run = {"output": "out/columns.safetensors", "checkpoint": checkpoint, "sample_every": 2}

    def train(**tables: Any) -> "subprocess.CompletedProcess[str]":
        job.write_text(json.dumps({"run": run, "clips": clips, **tables}))
        return subprocess.run(
            [sys.executable, "-c", "import sys; from tools.train import main; sys.exit(main(sys.argv[1:]))", str(job)],
            cwd=REPOSITORY, env={**os.environ, "COMFYUI_PATH": str(HOST)}, capture_output=True, text=True,
        )  # fmt: skip

    for steps in (1, 2):  # the second run continues the first
        done = train(settings={"steps": steps, "schedule": "A"})
        assert done.returncode == 0, done.stderr
        assert "Clips: 2, with 2 frames each. Videos: 1." in done.stdout and f"step {steps} of {steps}" in done.stdout
        assert ("sample_every has no effect: it is 2, but steps is 1." in done.stdout) == (steps == 1)
        assert steps_of(tmp_path / "out" / "columns.safetensors") == steps
    refused = train(lora={})
    assert refused.returncode == 1 and "[run] has no motion_model, which a motion LoRA needs." in refused.stderr
    with Image.open(tmp_path / "out" / "columns_000002.webp") as sample:
        assert sample.n_frames == 2 and sample.size == (32, 32)
    with Image.open(tmp_path / "out" / "columns.loss.png") as plot:
        assert plot.size == (768, 384)


def steps_of(file: Path) -> int:
    with safetensors.safe_open(file, "pt") as opened:
        about = json.loads(opened.metadata()["trained_with"])
    return int(about["steps"])
