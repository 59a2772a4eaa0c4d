"""What the server saved, dropped on its own canvas in a real browser, brings the workflow back: same nodes, wires and
widgets. Skipped where the machine has no browser."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools import environment
from tools.client import Client, Prompt
from tools.graph import to_graph, with_defaults
from tools.help.opened import IMAGES, workflow_in
from tools.help.pictures import path_of
from tools.server import Server

from .conftest import HOST, JOB, PICTURE, SAMPLER, VIDEO, WEBP

if TYPE_CHECKING:
    from .browser import Canvas


@pytest.fixture(scope="module")
def prompt(prompt: Prompt) -> Prompt:
    """With a seed of its own: the server answers a prompt that it has met with the files of that time, in which the
    workflow of that time is noted."""
    sampler = prompt[SAMPLER]
    return {**prompt, SAMPLER: {**sampler, "inputs": {**sampler["inputs"], "seed": 20_261}}}


@pytest.fixture(scope="module")
def files(comfy: Server, client: Client, prompt: Prompt) -> dict[str, Path]:
    outputs = client.run(prompt, to_graph(prompt, client.object_info())).outputs
    names = {"WEBP": WEBP, "video": VIDEO, "PNG": PICTURE}
    return {name: comfy.path(outputs[node][0]) for name, node in names.items()}


@pytest.mark.parametrize("name", ["WEBP", "video", "PNG"])
def test_a_dropped_file_restores_the_workflow(
    name: str, files: dict[str, Path], prompt: Prompt, canvas: "Canvas", client: Client
) -> None:
    canvas.drop(files[name])
    assert_shows(canvas.prompt(), prompt, client.object_info())
    widgets = canvas.widgets()
    assert widgets.keys() == prompt.keys()
    for node_id, node in prompt.items():
        set_here = {key: value for key, value in node["inputs"].items() if not isinstance(value, list)}
        assert widgets[node_id] | set_here == widgets[node_id]
    assert not canvas.errors


@pytest.mark.skipif(HOST.parent != environment.cache(), reason="one's own ComfyUI may have any web client")
@pytest.mark.parametrize("picture", [IMAGES / "hero.webp", IMAGES / "graph.webp", path_of("KinemaCurve")])
def test_a_picture_of_the_readme_and_the_help_opens_its_workflow(picture: Path, canvas: "Canvas") -> None:
    canvas.drop(picture)
    saved = workflow_in(picture)
    assert sorted(canvas.evaluate("app.graph.nodes.map(node => node.type)")) == sorted(
        node["type"] for node in saved["nodes"]
    )


@pytest.mark.skipif("KINEMA_FRONTEND" in os.environ, reason="KINEMA_FRONTEND names another web client")
def test_the_page_is_the_web_client_that_the_host_asks_for(canvas: "Canvas") -> None:
    version = canvas.evaluate("window.__COMFYUI_FRONTEND_VERSION__")
    assert f"comfyui-frontend-package=={version}" in (HOST / "requirements.txt").read_text().splitlines()


def assert_shows(shown: Prompt, prompt: Prompt, info: dict[str, Any]) -> None:
    """The canvas would queue `prompt`, with the default of every input that it leaves out."""
    assert shown.keys() == prompt.keys()
    filled = with_defaults(prompt, info)
    for node_id, node in prompt.items():
        inputs = shown[node_id]["inputs"]
        assert shown[node_id]["class_type"] == node["class_type"]
        assert inputs | node["inputs"] == inputs
        assert inputs.items() <= filled[node_id]["inputs"].items()


def test_a_dropped_workflow_runs(
    files: dict[str, Path], prompt: Prompt, canvas: "Canvas", comfy: Server, tmp_path: Path
) -> None:
    canvas.drop(files["video"])
    canvas.set_widget(SAMPLER, "seed", 77)
    outputs = canvas.wait(canvas.queue())
    assert outputs.keys() == {VIDEO, WEBP, PICTURE}
    assert all(comfy.path(file).is_file() for file in outputs[PICTURE]["images"])
    assert len(outputs[PICTURE]["images"]) == JOB.frames
    canvas.screenshot(tmp_path / "canvas.png")
    assert (tmp_path / "canvas.png").stat().st_size > 10_000


def test_a_saved_workflow_is_loaded_and_saved_again(prompt: Prompt, canvas: "Canvas", client: Client) -> None:
    """What the tests of shipped workflows stand on: a file's content goes to the canvas and comes back."""
    workflow = to_graph(prompt, client.object_info())
    canvas.load(workflow)
    saved = canvas.graph()
    assert {(node["id"], node["type"]) for node in saved["nodes"]} == {(n["id"], n["type"]) for n in workflow["nodes"]}
    canvas.clear()
    assert canvas.prompt() == {}
    canvas.load(saved)
    assert_shows(canvas.prompt(), prompt, client.object_info())
    canvas.set_widget(SAMPLER, "steps", 0)  # fewer than there can be
    with pytest.raises(RuntimeError, match="the server refused the canvas.*steps"):
        canvas.queue()


def test_a_node_of_the_host_is_found_by_its_name_in_animatediff_evolved(canvas: "Canvas") -> None:
    canvas.clear()
    canvas.add_from_library("Create Hook LoRA", "register lora hook")
    assert [node["type"] for node in canvas.graph()["nodes"]] == ["CreateHookLora"]
