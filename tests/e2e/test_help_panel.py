"""The help panel of the host's own web client shows a node's page and picture in the language of the page."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kinema.doors.canvas_route import CONVERTED
from tools.environment import REPOSITORY
from tools.help.lists import PAGES, pages
from tools.help.scenes import SCENES, WITHOUT_PICTURE
from tools.server import Server

from .conftest import page_of
from .plain_workflow import TOAST, sketch

if TYPE_CHECKING:
    from playwright.async_api import Route

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
TOO_WIDE = """() => {
    const content = document.querySelector(".node-help-content");
    const edge = content.getBoundingClientRect().right;
    const cut = part => part.scrollWidth > part.clientWidth && getComputedStyle(part).display !== "inline";
    return [content, ...content.querySelectorAll("*")]
        .filter(part => cut(part) || part.getBoundingClientRect().right > edge)
        .map(part => `${part.tagName}: ${part.textContent.slice(0, 80)}`);
}"""
OTHERS = [node_id for node_id in SCENES.keys() | WITHOUT_PICTURE if node_id != NODE]


@pytest.mark.parametrize("language", ["en", "zh", "ja"])
def test_the_panel_shows_pages_with_pictures_and_nothing_is_too_wide(
    language: str, comfy: Server, tmp_path: Path
) -> None:
    """All pages at its default width: the panel is given them as one page, so that it is opened only once."""
    with page_of(comfy, language) as canvas:
        texts = [pages(node_id)[language].read_text(encoding="utf-8") for node_id in (NODE, *sorted(OTHERS))]
        whole = "\n\n".join(texts)

        async def answer(route: "Route") -> None:
            assert await (await route.fetch()).text() == texts[0]
            await route.fulfill(body=whole, content_type="text/markdown")

        file = pages(NODE)[language].relative_to(PAGES).as_posix()
        canvas.do(canvas.page.route(f"**/docs/{file}", answer))
        open_help(canvas, NODE)
        headings = canvas.page.locator(".node-help-content h1")
        canvas.do(headings.nth(len(OTHERS)).wait_for())
        assert f"# {canvas.do(headings.first.inner_text())}\n" in texts[0]
        canvas.do(canvas.page.wait_for_function(f"{PICTURES}.every(picture => picture.complete)"))
        assert min(canvas.evaluate(f"{PICTURES}.map(picture => picture.naturalWidth)")) > 0
        assert canvas.evaluate("document.querySelector('.node-help-content').clientWidth") < 320
        assert canvas.evaluate(TOO_WIDE) == []
        canvas.screenshot(tmp_path / f"{language}.png")
        canvas.load(sketch().ui())  # a workflow of AnimateDiff-Evolved: the message is in this language, too
        locale = REPOSITORY / "locales" / language / "main.json"
        words = json.loads(locale.read_text(encoding="utf-8"))["kinemaMessages"] if locale.exists() else {}
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
