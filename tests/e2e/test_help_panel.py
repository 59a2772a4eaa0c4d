"""The help panel of the host's own web client shows a node's page and picture in the language of the page."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kinema.doors.canvas_route import CONVERTED
from tools.environment import REPOSITORY
from tools.help.tables import pages
from tools.server import Server

from .conftest import page_of
from .plain_workflow import TOAST, sketch

if TYPE_CHECKING:
    from .browser import Canvas

NODE = "KinemaApplyMotionModel"
ADD = """kind => {
    const node = LiteGraph.createNode(kind);
    node.pos = [400, 200];
    app.graph.add(node);
}"""
TITLE_BAR = """() => {
    const node = app.graph.nodes[0];
    app.canvas.draw(true, true);
    const [x, y] = app.canvas.convertOffsetToCanvas([node.pos[0] + 60, node.pos[1] - 12]);
    const canvas = app.canvas.canvas.getBoundingClientRect();
    return [canvas.left + x, canvas.top + y];
}"""
PICTURES = "[...document.querySelectorAll('.node-help-content img')]"


@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_the_panel_shows_the_page_with_its_picture(language: str, comfy: Server, tmp_path: Path) -> None:
    with page_of(comfy, language) as canvas:
        open_help(canvas, NODE)
        heading = canvas.do(canvas.page.locator(".node-help-content h1").first.inner_text())
        assert f"# {heading}\n" in pages(NODE)[language].read_text(encoding="utf-8")
        canvas.do(canvas.page.wait_for_function(f"{PICTURES}.some(picture => picture.complete)"))
        (width,) = canvas.evaluate(f"{PICTURES}.map(picture => picture.naturalWidth)")
        assert width > 0
        canvas.screenshot(tmp_path / f"{language}.png")
        canvas.load(sketch().ui())  # a workflow of AnimateDiff-Evolved: the message is in this language, too
        file = REPOSITORY / "locales" / language / "main.json"
        words = json.loads(file.read_text(encoding="utf-8"))["kinemaMessages"] if file.exists() else {}
        shown = canvas.evaluate(TOAST)
        assert all(words.get(text, text) in shown for text in (CONVERTED, "Undo"))
        assert not canvas.errors


def open_help(canvas: "Canvas", kind: str) -> None:
    """As a person does: selects the node and presses the info button above it."""
    canvas.clear()
    canvas.evaluate(ADD, kind)
    for _ in range(50):  # a page that just opened still moves its canvas
        canvas.do(canvas.page.mouse.click(*canvas.evaluate(TITLE_BAR)))
        canvas.do(canvas.page.wait_for_timeout(200))
        if canvas.evaluate("app.canvas.selectedItems.size"):
            break
    canvas.do(canvas.page.get_by_test_id("info-button").click())
