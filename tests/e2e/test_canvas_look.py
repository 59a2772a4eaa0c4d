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
COPY = """id => app.graph.getNodeById(id).clone().widgets.filter(widget => !widget.hidden).map(widget => widget.name)"""
PROMOTE = """() => {
    const node = LiteGraph.createNode("KinemaApplyMotionModel");
    app.graph.add(node);
    const {subgraph} = app.graph.convertToSubgraph(new Set([node]));
    const [inner] = subgraph.nodes;
    inner.widgets.find(widget => widget.name == "advanced_inputs").callback();
    subgraph.addInput("start_percent", "FLOAT").connect(inner.inputs.find(input => input.name == "start_percent"), inner);
}"""
PROMOTED = """() => {
    const node = app.graph.nodes.find(node => node.subgraph);
    return node.widgets.map(widget => [widget.name, node.isWidgetVisible(widget)]);
}"""
COLOURS = """() => [app.canvas.default_connection_color_byType.MOTION_MODEL, LGraphCanvas.link_type_colors.MOTION_MODEL,
    getComputedStyle(document.body).getPropertyValue("--color-datatype-KINEMA_CURVE").trim()]"""

ROOM = """async () => {
    const node = LiteGraph.createNode("KinemaPromptTravel");
    app.graph.add(node);
    node.setSize([400, 900]);
    app.canvas.draw(true, true);
    return Object.fromEntries(node.widgets.filter(widget => widget.type == "customtext")
        .map(widget => [widget.name, widget.computedHeight]));
}"""


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
    assert canvas.evaluate(COPY, int(APPLY)) == everything
    assert not canvas.errors


def test_an_advanced_input_of_a_subgraph_stays_visible(canvas: "Canvas") -> None:
    canvas.clear()
    canvas.evaluate(PROMOTE)
    canvas.load(canvas.graph())
    assert canvas.evaluate(PROMOTED) == [["start_percent", True]]
    assert not canvas.errors


def test_sockets_have_colours_in_every_palette(canvas: "Canvas") -> None:
    expected = ["#c0ca33", "#c0ca33", "#26c6da"]
    for palette in ("light", "dark"):
        canvas.evaluate(f"app.extensionManager.setting.set('Comfy.ColorPalette', '{palette}')")
        canvas.do(canvas.page.wait_for_timeout(300))
        assert canvas.evaluate(COLOURS) == expected


PLOT = """() => [...document.querySelectorAll("canvas")].find(canvas => canvas.style.touchAction == "none")"""


def test_a_curve_shows_its_plot_and_its_problems_while_one_types(canvas: "Canvas") -> None:
    """The second of two points is dragged to the lower left: its frame and its value change in the text."""
    canvas.clear()
    canvas.evaluate("() => { const node = LiteGraph.createNode('KinemaCurve'); app.graph.add(node); }")
    canvas.evaluate(
        "() => { app.canvas.ds.scale = 1; app.canvas.ds.offset = [400, 300]; app.canvas.setDirty(true, true) }"
    )
    (node_id,) = canvas.widgets()
    canvas.set_widget(node_id, "values", "0: 0.25, 15: 1 eas")
    canvas.do(canvas.page.get_by_text('"eas" is not an easing').wait_for())
    canvas.set_widget(node_id, "values", "0: 0.25, 15: 1 ease in")
    canvas.do(canvas.page.get_by_text('"eas" is not an easing').wait_for(state="detached"))
    plot = canvas.do(canvas.page.evaluate_handle(PLOT)).as_element()
    assert plot is not None
    box = canvas.do(plot.bounding_box())
    assert box is not None and box["height"] > 100
    left, width, top, height = box["x"] + 34, box["width"] - 44, box["y"] + 10, box["height"] - 28
    mouse = canvas.page.mouse
    canvas.do(mouse.move(left + width, top))
    canvas.do(mouse.down())
    canvas.do(mouse.move(left + width * 8 / 15, top + height / 2, steps=4))
    canvas.do(mouse.up())
    text = canvas.widgets()[node_id]["values"]
    assert text.startswith("0: 0.25, 8: 0.") and text.endswith(" ease in")
    assert abs(float(text.split()[3]) - 0.5) < 0.02
    assert not canvas.errors


def test_the_prompts_of_prompt_travel_have_the_most_room(canvas: "Canvas") -> None:
    canvas.clear()
    room = canvas.evaluate(ROOM)
    assert room["prompts"] > 3 * max(room["text_before"], room["text_after"]) > 100
    assert not canvas.errors
