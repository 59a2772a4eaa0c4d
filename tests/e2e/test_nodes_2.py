"""ComfyUI's Nodes 2.0, which draws nodes as HTML: what Kinema adds to nodes is there, too. Skipped without a browser."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tools.client import Client
from tools.graph import to_graph
from tools.templates.__main__ import FOLDER
from tools.templates.all import STEMS

if TYPE_CHECKING:
    from .browser import Canvas

SETTING = "Comfy.VueNodes.Enabled"
CURVE, PLOT = "1", "2"
LATE = "The value of a curve at frame 24 is not reached: the last frame is 19."
DRAWN = """() => app.graph.nodes.length > 5
    && app.graph.nodes.every(node => document.querySelector(`[data-node-id="${node.id}"]`))"""

COVERED = """() => {
    const drawn = [...document.querySelectorAll("[data-node-id]")].map(node => [node, node.getBoundingClientRect()]);
    const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    return drawn.flatMap(([node, box], i) => drawn.slice(i + 1)
        .filter(([, other]) => over(box, other))
        .map(([other]) => [node, other].map(each => app.graph.getNodeById(each.dataset.nodeId).type)));
}"""


@pytest.fixture(scope="module")
def nodes_2(open_page: "Canvas") -> "Iterator[Canvas]":
    was = open_page.evaluate(f"app.extensionManager.setting.get('{SETTING}')")
    switch(open_page, True)
    yield open_page
    switch(open_page, was)


def switch(canvas: "Canvas", value: bool) -> None:
    canvas.evaluate(f"value => app.extensionManager.setting.set('{SETTING}', value)", value)
    canvas.reload()


def workflow(info: dict[str, Any]) -> dict[str, Any]:
    curve = {"class_type": "KinemaCurve", "inputs": {"values": "0: 1.0, 24: 0.3", "easing": "linear"}}
    plot = {"class_type": "KinemaPlotCurve", "inputs": {"curve": [CURVE, 0], "frames": 20}}
    return to_graph({CURVE: curve, PLOT: plot}, info)


def test_a_template_opens(nodes_2: "Canvas") -> None:
    name = min(STEMS)
    nodes_2.load(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))
    nodes_2.wait_until(DRAWN)
    assert nodes_2.evaluate(COVERED) == []
    assert not nodes_2.errors


def test_curves_texts_plots_and_folded_inputs(nodes_2: "Canvas", client: Client) -> None:
    """A curve shows its plot, and a problem while one types; a text and a plot stay after runs."""
    nodes_2.load(workflow(client.object_info()))
    curve = nodes_2.page.locator(f'[data-node-id="{CURVE}"]')
    plot = nodes_2.page.locator(f'[data-node-id="{PLOT}"]')
    nodes_2.do(curve.locator("canvas").wait_for())
    nodes_2.do(plot.get_by_text("Show advanced inputs").wait_for())
    assert nodes_2.do(plot.get_by_text("scheduler", exact=True).count()) == 0
    for _ in range(2):
        nodes_2.wait(nodes_2.queue())  # the second time from the cache
        nodes_2.do(plot.get_by_text(LATE).wait_for())
    nodes_2.do(plot.locator("img").wait_for())

    text = curve.locator("textarea")
    nodes_2.do(text.fill("0: 0.25, 15: 1 eas"))
    nodes_2.do(curve.get_by_text('"eas" is not an easing').wait_for())
    nodes_2.do(text.fill("0: 0.25, 15: 1 ease in"))
    nodes_2.do(curve.get_by_text('"eas" is not an easing').wait_for(state="detached"))
    assert not nodes_2.errors
