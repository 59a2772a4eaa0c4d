"""The blueprints: up to date, offered by the server, and run by a person who puts one on the canvas."""

from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from kinema.farm.graph.job import without_notes
from kinema.farm.graph.posted_form import to_api_form
from tools import environment
from tools.client import Client
from tools.server import Server
from tools.templates.__main__ import SUBGRAPHS, content
from tools.templates.blueprint import Blueprint
from tools.templates.blueprints import BLUEPRINTS
from tools.templates.guided import PICTURE
from tools.templates.layout import faults

from .conftest import HOST, JOB
from .motion_files import PIA, make_pia
from .served_prompts import served

if TYPE_CHECKING:
    from .browser import Canvas

BY_NAME = {blueprint.name: blueprint for blueprint in BLUEPRINTS}
VALUES = {"ckpt_name": JOB.checkpoint, "width": 64, "height": 48, "batch_size": 18, "seed": 5}
MOTION_MODELS = {"Picture to Animation": PIA}
FEW_STEPS = """steps => {
    const sampler = app.graph.nodes[0].subgraph.nodes.find(node => node.type == "KSampler");
    sampler.widgets.find(widget => widget.name == "steps").value = steps;
}"""
SAVE = """() => {
    const [made] = app.graph.nodes, save = LiteGraph.createNode("SaveVideo");
    app.graph.add(save);
    made.connect(0, save, 0);
    return String(made.id);
}"""


def test_the_server_offers_each(client: Client) -> None:
    offered = {key: entry for key, entry in client.get("/global_subgraphs").items() if entry["source"] == "custom_node"}
    assert sorted(entry["name"] for entry in offered.values()) == sorted(BY_NAME)
    for key, entry in offered.items():
        saved = (SUBGRAPHS / f"{entry['name']}.json").read_text(encoding="utf-8")
        assert client.get(f"/global_subgraphs/{key}")["data"] == saved


@pytest.mark.parametrize("name", BY_NAME)
def test_the_file_is_current_and_tidy_inside(name: str, client: Client) -> None:
    workflow = BY_NAME[name].workflow(client.object_info())
    if HOST.name == f"comfyui-{environment.VERSIONS[0]}":
        saved = (SUBGRAPHS / f"{name}.json").read_text(encoding="utf-8")
        assert saved == content(workflow), "run python3 dev.py templates"
    assert faults(inside(workflow)) == []


def inside(workflow: dict[str, Any]) -> dict[str, Any]:
    """The subgraph as a workflow of its own, without the wires to its edges."""
    (definition,) = workflow["definitions"]["subgraphs"]
    links = [list(link.values()) for link in definition["links"] if min(link["origin_id"], link["target_id"]) > 0]
    return {**definition, "links": links}


@pytest.fixture(scope="module")
def picture(comfy: Server) -> None:
    """The picture that Picture to Animation names, and a motion model for it."""
    make_pia(comfy)
    folder = comfy.base / "input"
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (64, 48), "orange").save(folder / PICTURE)


@pytest.mark.usefixtures("picture")
@pytest.mark.parametrize("name", BY_NAME)
def test_it_runs_from_the_list_of_nodes(name: str, canvas: "Canvas", client: Client, comfy: Server) -> None:
    canvas.clear()
    canvas.add_from_library(name, BY_NAME[name].aliases[6])  # words that few other nodes have
    folded = canvas.evaluate(SAVE)
    shown = canvas.widgets()[folded]
    assert shown | defaults(BY_NAME[name]) == shown  # some canvases add the preview of the video
    values = VALUES | {"motion_model": MOTION_MODELS.get(name, JOB.motion_model)}
    for widget in {*shown} & {*values}:
        canvas.set_widget(folded, widget, values[widget])
    canvas.evaluate(FEW_STEPS, 2)
    queued = canvas.prompt()
    info = client.object_info()
    assert without_notes(to_api_form(canvas.graph(), info)) == served(queued, info)
    prompt = {node["class_type"]: node["inputs"] for node in queued.values()}
    assert prompt["KSampler"] | {"seed": 5, "steps": 2} == prompt["KSampler"]
    assert prompt["EmptyLatentImage"] == {"width": 64, "height": 48, "batch_size": 18}
    (video,) = canvas.wait(canvas.queue()).values()
    assert comfy.path(video["images"][0]).stat().st_size > 500
    assert not canvas.errors


def defaults(blueprint: Blueprint) -> dict[str, Any]:
    """What a person finds on the folded node."""
    return {shown.widget: blueprint.template.nodes[shown.node].inputs[shown.widget] for shown in blueprint.shown}
