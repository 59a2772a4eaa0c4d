"""The shipped workflows: up to date, tidy, complete on the canvas, and running to the end with the miniature's weights."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageStat

from kinema.farm.graph.job import without_notes
from kinema.farm.graph.posted_form import to_api_form
from tools import environment, server
from tools.client import Client
from tools.server import Server
from tools.templates import small
from tools.templates.__main__ import FOLDER, content
from tools.templates.all import STEMS
from tools.templates.board import BEND, ZOOM
from tools.templates.layout import faults
from tools.templates.thumbnails import SIDE

from .conftest import HOST, page_of
from .served_prompts import served

if TYPE_CHECKING:
    from .browser import Canvas

RED_NODES = "() => app.graph.nodes.filter(node => node.has_errors).map(node => node.type)"
SIZES = "() => Object.fromEntries(app.graph.nodes.map(node => [node.id, [...node.size]]))"
OFF_SCREEN = """() => app.graph.nodes.filter(node => {
    const [x, y] = app.canvas.ds.convertOffsetToCanvas([...node.pos]);
    return x < 60 || y < 60 || x > app.canvas.canvas.clientWidth - 100 || y > app.canvas.canvas.clientHeight - 30;
}).map(node => node.type)"""  # whose title bars a person does not see when the template opens
GALLERY = """() => [...document.querySelectorAll("[data-testid^=template-workflow-]")]
    .map(card => card.dataset.testid.replace("template-workflow-", ""))"""
MISSING = "() => app.graph.nodes.filter(node => !(node.type in LiteGraph.registered_node_types)).map(node => node.type)"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the files that the templates' small versions name."""
    base = tmp_path_factory.mktemp("studio")
    small.place_files(base)
    with server.running(HOST, base, threads=1) as running:
        yield running


@pytest.fixture(scope="module")
def info(studio: Server) -> dict[str, Any]:
    with Client(studio.url) as client:
        return client.object_info()


@pytest.fixture(scope="module")
def studio_canvas(studio: Server) -> "Iterator[Canvas]":
    with page_of(studio) as canvas:
        yield canvas


def test_every_template_has_its_file_and_picture() -> None:
    """In the gallery's order A to Z, and with names that every file system takes."""
    for kind in ("json", "jpg"):
        assert sorted(path.stem for path in FOLDER.glob(f"*.{kind}")) == list(STEMS)
    assert not any(set(stem) & set('<>:"/\\|?*') for stem in STEMS)


@pytest.mark.parametrize("name", STEMS)
def test_the_picture_is_square_and_shows_something(name: str) -> None:
    with Image.open(FOLDER / f"{name}.jpg") as picture:
        assert picture.width == picture.height == SIDE
        assert ImageStat.Stat(picture.convert("L")).stddev[0] > 10


@pytest.mark.parametrize("name", STEMS)
def test_the_file_is_tidy_and_made_of_core_and_own_nodes(name: str, info: dict[str, Any]) -> None:
    workflow = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert faults(workflow) == []
    kinds = {node["type"] for node in workflow["nodes"]} - {BEND, "MarkdownNote"}
    assert all(kind.startswith("Kinema") or is_core(info[kind]) for kind in kinds)


def is_core(described: dict[str, Any]) -> bool:
    return str(described["python_module"]).split(".")[0] in ("nodes", "comfy_extras")


def test_the_gallery_finds_all_by_the_word_animatediff(studio_canvas: "Canvas") -> None:
    """And no template of the host with them. Before many tabs are open, which make the page slow."""
    page = studio_canvas.page
    studio_canvas.do(page.locator(".side-bar-button").filter(has_text="Templates").click())
    studio_canvas.do(page.get_by_placeholder(re.compile(r"^Search ?\.\.\.$")).last.fill("animatediff"))
    studio_canvas.wait_until(f"({GALLERY})().length == {len(STEMS)}")
    assert sorted(studio_canvas.evaluate(GALLERY)) == sorted(STEMS)
    studio_canvas.reload()  # no key closes the gallery of the older host while one types


@pytest.mark.parametrize("name", STEMS)
def test_the_file_loads_and_its_small_version_runs(
    name: str, studio: Server, studio_canvas: "Canvas", info: dict[str, Any], tmp_path: Path
) -> None:
    canvas = studio_canvas
    workflow = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    canvas.load(workflow)
    assert canvas.evaluate("app.canvas.ds.scale") >= ZOOM
    assert canvas.evaluate(OFF_SCREEN) == []
    assert canvas.evaluate(MISSING) == []
    assert covered(workflow, canvas.evaluate(SIZES)) == []
    assert without_notes(to_api_form(workflow, info)) == served(canvas.prompt(), info)  # what the farm reads
    canvas.load(small.small(STEMS[name], frames=18, steps=2, side=64).workflow(info))
    outputs = canvas.wait(canvas.queue())
    assert canvas.evaluate(RED_NODES) == []
    files = [file for node in outputs.values() for file in node.get("images", [])]
    assert files and all(studio.path(file).stat().st_size > 500 for file in files if file["type"] == "output")
    canvas.screenshot(tmp_path / f"{name}.png")
    assert not canvas.errors


def covered(workflow: dict[str, Any], sizes: dict[str, list[float]]) -> list[str]:
    """Nodes that lie over one another as the canvas draws them, which can be larger than the file says."""
    drawn = [{**node, "size": sizes[str(node["id"])]} for node in workflow["nodes"]]
    return [fault for fault in faults({**workflow, "nodes": drawn}) if " covers " in fault]


def test_a_file_is_what_its_template_says(info: dict[str, Any]) -> None:
    """On the newest host, whose descriptions the files were written from."""
    if HOST.name != f"comfyui-{environment.VERSIONS[0]}":
        pytest.skip("the files are written from the newest host's descriptions")
    saved = {stem: (FOLDER / f"{stem}.json").read_text(encoding="utf-8") for stem in STEMS}
    stale = [stem for stem, template in STEMS.items() if saved[stem] != content(template.workflow(info))]
    assert not stale, "run python3 dev.py templates"
