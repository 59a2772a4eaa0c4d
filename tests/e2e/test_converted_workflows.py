"""Workflows of AnimateDiff-Evolved, without that pack: opened in a real browser, and posted as old prompts."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from evolved_graphs import Out, Sketch
from old_workflows import WORKFLOWS, workflow
from PIL import Image, ImageSequence
from workflow_files import ENDINGS, write_workflow

from kinema.convert import convert
from tools.client import Client, PromptRejected
from tools.conversions.cutting import cut_out
from tools.conversions.run import run_cut
from tools.conversions.stand_ins import FRAMES
from tools.server import Server
from tools.workflow import animation

from .conftest import APPLY, JOB, WEBP, Animation
from .conftest import LOADER as MOTION
from .plain_workflow import LOADER, TOAST, sketch

if TYPE_CHECKING:
    from .browser import Canvas

TYPES = "app.graph.nodes.map(node => node.type)"
MISSING = """() => app.registerExtension({
    name: "Test", afterConfigureGraph(missing) { window.missing = missing.map(entry => entry.type ?? entry); }})"""


def with_loss() -> dict[str, Any]:
    """The checkpoint loader of AnimateDiff-Evolved with a scale factor, which nothing else has."""
    drawn = Sketch()
    checkpoint = drawn.add("CheckpointLoaderSimpleWithNoiseSelect", JOB.checkpoint, "use existing", True, 0.2)
    drawn.sample(checkpoint, checkpoint)
    return drawn.ui()


def refused() -> Sketch:
    """A sink without a motion model."""
    drawn = Sketch()
    checkpoint = drawn.add("CheckpointLoaderSimple", JOB.checkpoint)
    applied = drawn.add("ADE_ApplyAnimateDiffModelSimple")
    drawn.sample(drawn.add("ADE_UseEvolvedSampling", "autoselect", model=checkpoint, m_models=applied), checkpoint)
    return drawn


def broken() -> dict[str, Any]:
    workflow = sketch().ui()
    return {**workflow, "nodes": [*workflow["nodes"], workflow["nodes"][0]]}


@pytest.fixture(scope="module")
def page(open_page: "Canvas") -> Iterator["Canvas"]:
    open_page.evaluate(MISSING)
    yield open_page
    open_page.reload()


def open_workflow(page: "Canvas", workflow: dict[str, Any]) -> str:
    """Opens it; returns what the message says."""
    page.load(workflow)
    return str(page.evaluate(TOAST))


def click(page: "Canvas", label: str) -> None:
    page.evaluate("document.querySelectorAll('.p-dialog-close-button').forEach(button => button.click())")
    page.do(page.page.locator("#kinema-toast").get_by_role("button", name=label).click())


def command(page: "Canvas", name: str) -> None:
    page.evaluate("name => app.extensionManager.command.execute(name)", name)


def test_a_dropped_picture_is_converted_and_undo_brings_it_back(page: "Canvas", tmp_path: Path) -> None:
    stale = {"nodes": [{"type": LOADER, "index": 0}], "links": [], "external": []}
    workflow = {**sketch().ui(), "extra": {"groupNodes": {"unused": stale}}}
    page.drop(write_workflow(tmp_path, "png", workflow))
    page.wait_until("document.getElementById('kinema-toast')")
    assert "same numbers" in page.evaluate(TOAST)
    assert page.evaluate("window.missing") == []
    prompt = page.prompt()
    kinds = {node["class_type"]: node["inputs"] for node in prompt.values()}
    assert kinds["KinemaLoadMotionModel"]["motion_model"] == JOB.motion_model
    assert prompt[kinds["KSampler"]["model"][0]]["class_type"] == "KinemaApplyMotionModel"
    click(page, "Undo")
    page.wait_until(f"{TYPES}.includes('{LOADER}')")
    old = {node["id"]: node["widgets_values"] for node in page.graph()["nodes"]}
    assert old.items() >= {node["id"]: node["widgets_values"] for node in workflow["nodes"]}.items()
    assert open_workflow(page, page.graph()) == ""  # as going to another tab and back does
    assert LOADER in page.evaluate(TYPES)
    command(page, "Kinema.ConvertWorkflow")
    page.wait_until(f"!{TYPES}.includes('{LOADER}')")
    assert not page.errors


def test_files_of_every_kind_are_converted_dropped_or_opened(page: "Canvas", tmp_path: Path) -> None:
    for ending in ENDINGS:
        file = write_workflow(tmp_path, ending, sketch().ui())
        for bring in (page.drop, partial(choose, page, "Comfy.OpenWorkflow")):
            page.clear()
            bring(file)
            page.wait_until(f"{TYPES}.includes('KinemaApplyMotionModel')")
            assert "same numbers" in page.evaluate(TOAST), file.name
    shown = page.evaluate(TYPES)
    for file in (tmp_path / f"broken.{ending}" for ending in ENDINGS):
        file.write_bytes(b"no workflow")
        choose(page, "Comfy.OpenWorkflow", file)
    page.do(page.page.wait_for_timeout(500))
    page.errors[:] = [error for error in page.errors if "is not valid JSON" not in error]  # ComfyUI reads them, too
    assert page.evaluate(TYPES)[: len(shown)] == shown  # newer canvases add nodes that load the pictures and videos


def test_the_setting_turns_it_off(page: "Canvas") -> None:
    set_it = "on => app.extensionManager.setting.set('Kinema.ConvertWorkflows', on)"
    page.evaluate(set_it, False)
    try:
        assert open_workflow(page, sketch().ui()) == ""
        assert LOADER in page.evaluate(TYPES)
    finally:
        page.evaluate(set_it, True)


def test_losses_are_accepted_by_a_button(page: "Canvas") -> None:
    said = open_workflow(page, with_loss())
    assert "because something would be lost" in said and "scale_factor" in said
    assert "CheckpointLoaderSimpleWithNoiseSelect" in page.evaluate(TYPES)
    click(page, "Convert with losses")
    page.wait_until(f"{TYPES}.includes('CheckpointLoaderSimple')")
    assert "losses accepted" in page.evaluate(TOAST)


@pytest.mark.parametrize(
    ("workflow", "why"),
    [(refused().ui(), "has no motion model"), (broken(), r"Two nodes have the id 1. Open the workflow")],
)
def test_what_cannot_be_converted_opens_as_it_is(page: "Canvas", workflow: dict[str, Any], why: str) -> None:
    assert why in open_workflow(page, workflow)
    assert set(page.evaluate(TYPES)) == {node["type"] for node in workflow["nodes"]}


def test_a_prompt_is_opened_by_the_menu(page: "Canvas", tmp_path: Path) -> None:
    shown = page.evaluate(TYPES)
    file = tmp_path / "prompt.json"
    for content, why in (("{", "JSON"), (json.dumps(refused().api()), "has no motion model")):
        file.write_text(content)
        choose(page, "Kinema.OpenPrompt", file)
        page.wait_until(f"({TOAST}).includes('{why}')")
        assert page.evaluate(TYPES) == shown
    file.write_text(json.dumps(sketch().api()))
    choose(page, "Kinema.OpenPrompt", file)
    page.wait_until(f"{TYPES}.includes('KinemaApplyMotionModel')")


def choose(page: "Canvas", command: str, file: Path) -> None:
    async def chosen() -> None:
        async with page.page.expect_file_chooser() as chooser:
            await page.page.evaluate("name => void app.extensionManager.command.execute(name)", command)
        await (await chooser.value).set_files(file)

    page.do(chosen())


@pytest.fixture(scope="module")
def info(client: Client) -> dict[str, Any]:
    return client.object_info()


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(picture)])


def test_an_old_prompt_runs(comfy: Server, client: Client, animated: Animation) -> None:
    """Also where its file has another ending here."""
    prompt = animation(JOB)
    name = JOB.motion_model.replace(".safetensors", ".ckpt")
    inputs = {"model": prompt[APPLY]["inputs"]["model"], "model_name": name, "beta_schedule": "autoselect"}
    prompt[APPLY] = {"class_type": LOADER, "inputs": inputs}
    del prompt[MOTION]
    result = client.run(prompt)
    np.testing.assert_array_equal(pixels(comfy.path(result.outputs[WEBP][0])), pixels(animated.webp))
    assert result.said[APPLY] == f"Converted from {LOADER}: same numbers"
    assert f"{name} was not found; {JOB.motion_model} is used instead." in comfy.tail(20)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_of_each_chain_runs(comfy: Server, client: Client, info: dict[str, Any], name: str) -> None:
    """Converted from the form of the canvas, with the miniature, to latents that the motion model has changed."""
    (cut,) = cut_out(convert(workflow(name)).workflow, info)
    assert not cut.left
    (sampler,) = cut.samplers
    cut.prompt[sampler]["inputs"]["steps"] = 1
    run = run_cut(name, cut, comfy, client)
    assert run.difference > 0.01 and run.frames >= 16, run.problem


def test_the_motion_is_cut_out_of_a_workflow_with_other_packs(
    comfy: Server, client: Client, info: dict[str, Any]
) -> None:
    """As `dev.py convert-run` does it with real workflows."""
    drawn = Sketch()
    checkpoint = drawn.add("CheckpointLoaderSimple", "another.safetensors")
    sent = drawn.add("SetNode", "way", **{"*": drawn.add(LOADER, "mm.ckpt", "autoselect", model=checkpoint)})
    drawn.nodes[sent.node - 1]["widgets_values"] = ["way"]
    patched = drawn.add("OtherPackModel", model=drawn.typed(drawn.add("GetNode", "way"), "MODEL"))
    sampled = drawn.sample(drawn.add("OtherPackModel", mode=4, model=patched), checkpoint, 300)
    frames = drawn.add("VAEDecode", samples=sampled, vae=Out(checkpoint.node, 2))
    drawn.add("VHS_VideoCombine", 8, 0, "old", "video/h264-mp4", False, True, images=frames)
    (cut,) = cut_out(convert(drawn.ui(), core=True).workflow, info)
    assert cut.left == ("CheckpointLoaderSimple", "OtherPackModel")
    run = run_cut("other packs", cut, comfy, client)
    assert run.difference > 0.01 and run.frames == FRAMES, run.problem


def test_an_old_prompt_that_cannot_be_converted_is_refused_with_the_reason(client: Client) -> None:
    prompt = refused().api()
    with pytest.raises(
        PromptRejected, match=r"ADE_.* \(Kinema cannot convert this prompt\. .*has no motion model.*not found"
    ):
        client.run(prompt)
