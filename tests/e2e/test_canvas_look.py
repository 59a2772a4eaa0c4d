"""How the nodes look on the classic canvas: advanced inputs are folded, sockets have colours. Skipped without a browser."""

from typing import TYPE_CHECKING

from tools.client import Client
from tools.graph import to_graph
from tools.workflow import animation

from .conftest import APPLY, JOB

if TYPE_CHECKING:
    from .browser import Canvas

SHOWN = """id => app.graph.getNodeById(id).widgets.filter(widget => !widget.hidden).map(widget => widget.name)"""
HEIGHT = "id => app.graph.getNodeById(id).size[1]"
FOLD = """id => app.graph.getNodeById(id).widgets.find(widget => widget.name == "advanced_inputs").callback()"""
LABEL = """id => app.graph.getNodeById(id).widgets.find(widget => widget.name == "advanced_inputs").label"""
COLOURS = """() => [app.canvas.default_connection_color_byType.MOTION_MODEL, LGraphCanvas.link_type_colors.MOTION_MODEL,
    getComputedStyle(document.body).getPropertyValue("--color-datatype-KINEMA_CURVE").trim()]"""


def test_advanced_inputs_are_folded_until_one_acts(canvas: "Canvas", client: Client) -> None:
    prompt = animation(JOB)
    info = client.object_info()
    canvas.load(to_graph(prompt, info))
    assert canvas.evaluate(SHOWN, int(APPLY)) == ["strength", "noise_schedule", "advanced_inputs"]
    folded = canvas.evaluate(HEIGHT, int(APPLY))
    canvas.evaluate(FOLD, int(APPLY))
    everything = canvas.evaluate(SHOWN, int(APPLY))
    assert len(everything) == 10 and everything[-1] == "advanced_inputs"
    assert canvas.evaluate(HEIGHT, int(APPLY)) > folded
    assert canvas.evaluate(LABEL, int(APPLY)) == "Hide advanced inputs"

    acting = {**prompt, APPLY: {**prompt[APPLY], "inputs": {**prompt[APPLY]["inputs"], "start_percent": 0.25}}}
    canvas.load(to_graph(acting, info))
    assert canvas.evaluate(SHOWN, int(APPLY)) == everything
    assert canvas.prompt()[APPLY]["inputs"]["start_percent"] == 0.25
    assert "advanced_inputs" not in canvas.prompt()[APPLY]["inputs"]
    saved = canvas.graph()
    (values,) = (node["widgets_values"] for node in saved["nodes"] if node["type"] == "KinemaApplyMotionModel")
    assert len(values) == 9  # the button is not saved: values stay in their places
    canvas.load(saved)
    assert canvas.evaluate(SHOWN, int(APPLY)) == everything
    assert not canvas.errors


def test_sockets_have_colours_in_every_palette(canvas: "Canvas") -> None:
    expected = ["#c0ca33", "#c0ca33", "#26c6da"]
    for palette in ("light", "dark"):
        canvas.evaluate(f"app.extensionManager.setting.set('Comfy.ColorPalette', '{palette}')")
        canvas.do(canvas.page.wait_for_timeout(300))
        assert canvas.evaluate(COLOURS) == expected
