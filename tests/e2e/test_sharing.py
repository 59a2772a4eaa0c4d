"""What one person saves, another opens: after a reload, from an older version, or without a canvas at all."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tools.client import Client, Prompt
from tools.graph import to_graph
from tools.server import Server
from tools.templates.keep import FOLDER

from .conftest import APPLY, PICTURE, SAMPLER

if TYPE_CHECKING:
    from .browser import Canvas

SAVED = sorted(path for path in FOLDER.rglob("*.json") if not path.name.endswith(".api.json"))
SAVE = """async () => {
    const active = app.extensionManager.workflow.activeWorkflow;
    active.changeTracker.checkState();
    await active.saveAs("workflows/shared.json");
    return active.path;  // where newer canvases really put it
}"""


def frames(comfy: Server, files: list[dict[str, str]]) -> np.ndarray:
    pictures = []
    for file in files:
        with Image.open(comfy.path(file)) as picture:
            pictures.append(np.asarray(picture.convert("RGB")))
    return np.stack(pictures)


def run(canvas: "Canvas", comfy: Server) -> np.ndarray:
    return frames(comfy, canvas.wait(canvas.queue())[PICTURE]["images"])


@pytest.fixture
def shared(canvas: "Canvas", client: Client, prompt: Prompt) -> "Canvas":
    """The demo's workflow on the canvas, with values of its own."""
    canvas.load(to_graph(prompt, client.object_info()))
    canvas.set_widget(APPLY, "strength", 0.8)
    canvas.set_widget(SAMPLER, "seed", 7)
    return canvas


def test_a_saved_graph_is_the_same_after_a_reload(shared: "Canvas", comfy: Server) -> None:
    before, widgets = run(shared, comfy), shared.widgets()
    saved = comfy.base / "user" / "default" / shared.evaluate(SAVE)
    shared.set_widget(SAMPLER, "seed", 8)
    assert np.abs(run(shared, comfy).astype(int) - before).max() > 0  # and what is computed next is not remembered
    shared.reload()
    shared.clear()
    shared.load(json.loads(saved.read_text(encoding="utf-8")))
    assert shared.widgets() == widgets
    np.testing.assert_array_equal(run(shared, comfy), before)


def test_an_api_export_runs_without_a_canvas(shared: "Canvas", comfy: Server, client: Client) -> None:
    before, exported = run(shared, comfy), json.loads(json.dumps(shared.prompt()))
    shared.set_widget(SAMPLER, "seed", 9)
    run(shared, comfy)
    np.testing.assert_array_equal(frames(comfy, client.run(exported).outputs[PICTURE]), before)


@pytest.mark.parametrize("path", SAVED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_workflow_of_any_version_opens_with_its_values(path: Path, canvas: "Canvas") -> None:
    canvas.load(json.loads(path.read_text(encoding="utf-8")))
    shown = canvas.prompt()
    for number, node in json.loads(path.with_suffix(".api.json").read_text(encoding="utf-8")).items():
        assert shown[number]["class_type"] == node["class_type"]
        if node["class_type"].startswith("Kinema"):
            assert shown[number]["inputs"] | node["inputs"] == shown[number]["inputs"]
    assert not canvas.errors
