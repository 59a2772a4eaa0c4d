"""What Kinema knows is on its nodes in a real browser: when they ran, when the page is loaded again, and from the cache."""

from typing import TYPE_CHECKING, Any

from tools.client import Client, Prompt
from tools.graph import to_graph
from tools.workflow import animation

from .conftest import APPLY, JOB, LOADER, SAMPLER

if TYPE_CHECKING:
    from pathlib import Path

    from .browser import Canvas

PLOT, PLAN, FRAMES = "21", "22", 20
SHOWN = """() => Object.fromEntries(app.graph.nodes.map(node => [node.id, [
    node.widgets?.find(widget => widget.name === "$$node-text-preview")?.value ?? "", node.imgs?.length ?? 0]]))"""
SAID = {
    LOADER: "AnimateDiff v3 for SD1.5, trained with 16 frames. Usual settings: 25 steps, euler, normal, cfg 7.5.",
    APPLY: "",
    SAMPLER: (
        f"{FRAMES} frames in 2 windows of 16. "
        f"The pictures have {JOB.width} x {JOB.height} pixels, but the model is made for about 512 x 512."
    ),
    PLOT: "The value of a curve at frame 24 is not reached: the last frame is 19.",
}


def workflow() -> Prompt:
    prompt = animation(JOB)
    prompt["6"]["inputs"]["batch_size"] = FRAMES
    curve = {"class_type": "KinemaCurve", "inputs": {"values": "0: 1.0, 24: 0.3", "easing": "linear"}}
    plot = {"class_type": "KinemaPlotCurve", "inputs": {"curve": ["20", 0], "frames": FRAMES}}
    plan = {"class_type": "KinemaWindowPlan", "inputs": {"model": [APPLY, 0], "frames": FRAMES}}
    return {**prompt, "20": curve, PLOT: plot, PLAN: plan}


def test_texts_and_plots_stay_on_their_nodes(canvas: "Canvas", client: Client, tmp_path: "Path") -> None:
    prompt = workflow()
    client.run(
        {name: prompt[name] for name in ("20", PLOT)}
    )  # the last test's loader leaves the cache: cached, it is silent
    canvas.load(to_graph(prompt, client.object_info()))
    for pass_ in ("run", "loaded again", "from the cache"):
        if pass_ == "loaded again":
            canvas.reload()
        else:
            canvas.wait(canvas.queue())
        canvas.wait_until(f"({SHOWN})()[{PLAN}][1] && ({SHOWN})()[{PLOT}][1] && ({SHOWN})()[{SAMPLER}][0]")
        shown: dict[str, Any] = canvas.evaluate(SHOWN)
        assert {node: shown[node][0] for node in SAID} == SAID, pass_
    for theme in ("dark", "light"):
        canvas.evaluate("theme => app.extensionManager.setting.set('Comfy.ColorPalette', theme)", theme)
        canvas.screenshot(tmp_path / f"{theme}.png")
    assert not canvas.errors
