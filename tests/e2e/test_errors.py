"""Mistakes that people make, as the canvas shows them: a sentence that says what to do, on the node it is about."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tiny

from tools.client import Client
from tools.graph import to_graph
from tools.server import Server
from tools.workflow import animation

from .conftest import APPLY, JOB, LOADER, SAMPLER

if TYPE_CHECKING:
    from .browser import Canvas

SDXL = "tiny_sdxl_mm.safetensors"
RED = """() => app.graph.nodes
    .filter(node => ["error", "executionError"].some(kind => node.strokeStyles[kind]?.call(node)))
    .map(node => String(node.id))"""
SHOWN = """sentence => {  // newer canvases keep the sentence behind one button or two
    for (const button of document.querySelectorAll("button"))
        if ((button.innerText.trim() == "View details" || button.ariaLabel?.startsWith("Info for")) && !button.dataset.used) {
            button.dataset.used = "yes";
            button.click();
        }
    return document.body.innerText.includes(sentence);
}"""
REFUSED = "() => Object.entries(app.lastNodeErrors ?? {}).map(([id, node]) => [id, node.errors[0].details])"
FAILED = "() => [[String(app.lastExecutionError.node_id), app.lastExecutionError.exception_message]]"


def missing(prompt: dict[str, Any]) -> None:
    prompt[LOADER]["inputs"]["motion_model"] = "v3_sd15_mm.ckpt"


def wrong_base(prompt: dict[str, Any]) -> None:
    prompt[LOADER]["inputs"]["motion_model"] = SDXL


def one_frame(prompt: dict[str, Any]) -> None:
    prompt["6"]["inputs"]["batch_size"] = 1


def too_many_frames(prompt: dict[str, Any]) -> None:
    windows = {"model": [APPLY, 0], "length": 40, "overlap": 4, "schedule": "static"}
    prompt["20"] = {"class_type": "KinemaContextWindows", "inputs": windows}
    prompt[SAMPLER]["inputs"]["model"] = ["20", 0]
    prompt["6"]["inputs"]["batch_size"] = 40


CASES = {  # name: (the mistake, where the canvas notes it, the node, what it says)
    "missing_model": (missing, REFUSED, LOADER, '"v3_sd15_mm.ckpt" was not found.'),
    "wrong_base": (wrong_base, FAILED, APPLY, "is an SDXL motion model, but the connected MODEL is SD1.5"),
    "one_frame": (one_frame, FAILED, SAMPLER, "Set batch_size of Empty Latent Image to the number of frames"),
    "too_many_frames": (
        too_many_frames,
        FAILED,
        SAMPLER,
        "has 32 positional encodings, but 40 frames are sampled at once",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def sdxl_file(comfy: Server) -> None:
    tiny.save(tiny.motion_weights(tiny.SDXL_WIDTHS), comfy.base / "models" / "animatediff_models" / SDXL)


@pytest.mark.parametrize("name", CASES)
def test_the_canvas_shows_what_is_wrong_and_where(name: str, canvas: "Canvas", client: Client, tmp_path: Path) -> None:
    mistake, noted, node, says = CASES[name]
    prompt = animation(replace(JOB, frames=3))
    mistake(prompt)
    canvas.reload()  # else the last mistake is still on the page
    canvas.load(to_graph(prompt, client.object_info()))
    with pytest.raises(RuntimeError, match="refused|ended with"):
        canvas.wait(canvas.queue())
    canvas.wait_until(f"({RED})().length > 0")
    ((where, sentence),) = canvas.evaluate(noted)
    assert where == node and says in sentence
    assert canvas.evaluate(RED) == [node]
    canvas.wait_until(f"({SHOWN})({json.dumps(says)})")
    canvas.screenshot(tmp_path / f"{name}.png")
