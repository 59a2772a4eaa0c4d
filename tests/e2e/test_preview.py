"""What a person sees on the sampler while it runs: the animation plays. Skipped where the machine has no browser."""

from dataclasses import replace
from typing import TYPE_CHECKING

from tools.client import Client
from tools.graph import to_graph
from tools.workflow import animation

from .conftest import JOB, SAMPLER

if TYPE_CHECKING:
    from .browser import Canvas

METHOD = "Comfy.Execution.PreviewMethod"
STEPS = 3
WATCH = """async () => {
    const {api} = await import("/scripts/api.js");
    window.seen = [];
    window.sent = [];
    api.addEventListener("b_preview_with_metadata", ({detail}) =>
        createImageBitmap(detail.blob).then(({width, height}) =>
            seen.push([detail.displayNodeId, detail.blob.size, width, height])));
    api.addEventListener("kinema.preview", ({detail}) => sent.push(detail));
}"""


def test_the_preview_plays_once_it_is_turned_on(canvas: "Canvas", client: Client) -> None:
    """With previews off, as they are at first, a message offers to turn them on. It does so once."""
    job = replace(JOB, frames=34, steps=STEPS, seed=77)
    canvas.evaluate("() => localStorage.clear()")
    canvas.evaluate(WATCH)
    canvas.load(to_graph(animation(replace(job, frames=2, steps=1)), client.object_info()))
    canvas.wait(canvas.queue())
    button = canvas.page.get_by_role("button", name="Turn on previews")
    canvas.do(button.click())
    canvas.wait_until(f"app.extensionManager.setting.get('{METHOD}') == 'auto'")
    assert canvas.evaluate("seen.length") == 0

    canvas.load(to_graph(animation(job), client.object_info()))
    canvas.wait(canvas.queue())
    sent, seen = canvas.evaluate("[sent, seen]")
    assert [len(each["frames"]) for each in sent] == [17] * STEPS  # every second of 34
    assert [each["fps"] for each in sent] == [4] * STEPS
    assert [each["first"] for each in sent] == [0, 8, 0]
    assert {node for node, *_ in seen} == {SAMPLER}
    assert {tuple(size) for _, _, *size in seen} == {(512, 384)}  # as large as the host's own, so nothing jumps
    assert len({size for _, size, *_ in seen}) > STEPS  # more pictures than the host sends
    canvas.evaluate("() => { seen.length = 0 }")
    canvas.do(canvas.page.wait_for_timeout(600))
    assert canvas.evaluate("seen.length") == 0  # it stops with the run
    canvas.evaluate(f"app.extensionManager.setting.set('{METHOD}', 'none')")
    canvas.load(to_graph(animation(replace(job, frames=2, steps=1, seed=3)), client.object_info()))
    canvas.wait(canvas.queue())
    assert canvas.do(button.count()) == 0
    canvas.evaluate(f"app.extensionManager.setting.set('{METHOD}', 'default')")
    assert not canvas.errors
