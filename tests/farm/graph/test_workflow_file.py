"""Workflows from files: API form, the canvas's own form, and what a picture contains."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from kinema.farm.graph.posted_form import to_api_form
from kinema.farm.graph.refused import Refused
from kinema.farm.graph.workflow_file import read_workflow

from .graphs import INFO, graph


def drawn(number: int, kind: str, inputs: dict[str, int | None], mode: int = 0, values: Any = ()) -> dict[str, Any]:
    """A node of a drawing; `inputs`: {name: link}."""
    types = {"model": "MODEL", "clip": "CLIP", "positive": "COND", "latent": "LATENT", "": "*"}
    slots = [{"name": name, "type": types.get(name, "*"), "link": link} for name, link in inputs.items()]
    outputs = [{"type": output} for output in INFO.get(kind, {}).get("output", ["*"])]
    fields = {"id": number, "type": kind, "mode": mode, "inputs": slots, "outputs": outputs}
    return {**fields, "widgets_values": list(values)}


def drawing(prompt_mode: int = 0) -> dict[str, Any]:
    """Loader to Text by a reroute; Text to Sampler; a primitive sets the seed."""
    nodes = [
        drawn(1, "Loader", {}, values=["b.safetensors"]),
        drawn(9, "Reroute", {"": 1}),
        drawn(2, "Text", {"clip": 2}, mode=prompt_mode, values=["a \\{fish\\} // not this"]),
        drawn(8, "PrimitiveNode", {}, values=[7, "fixed"]),
        drawn(3, "Sampler", {"model": 3, "positive": 4, "seed": 5}, values=[1, "randomize", 20, 7.0, False, "x.png"]),
        drawn(4, "Save", {"latent": 6}, values=["video/x", "mp4", 30]),
        drawn(5, "Note", {}, values=["for people"]),
    ]
    links = [
        *([1, 1, 1, 9, 0, "CLIP"], [2, 9, 0, 2, 0, "CLIP"], [3, 1, 0, 3, 0, "MODEL"], [4, 2, 0, 3, 1, "COND"]),
        *([5, 8, 0, 3, 2, "INT"], [6, 3, 0, 4, 0, "LATENT"]),
    ]
    return {"nodes": nodes, "links": links}


def test_what_only_the_canvas_has_is_resolved() -> None:
    made = to_api_form(drawing(), INFO)
    assert set(made) == {"1", "2", "3", "4"}
    assert made["2"]["inputs"] == {"text": "a {fish} ", "clip": ["1", 1]}
    assert made["3"]["inputs"]["seed"] == 7 and made["3"]["inputs"]["positive"] == ["2", 0]
    assert made["4"]["inputs"] == {"latent": ["3", 0], "filename_prefix": "video/x", "format": "mp4", "format.crf": 30}
    assert made["2"]["_meta"] == {"title": "Prompt"}


def test_muted_nodes_and_what_they_lead_to_are_left_out() -> None:
    made = to_api_form(drawing(prompt_mode=2), INFO)
    assert "2" not in made and "positive" not in made["3"]["inputs"]


def test_what_no_server_knows_is_refused() -> None:
    unknown = drawing()
    unknown["nodes"][2]["type"] = "Gone"
    with pytest.raises(Refused, match=r'the server has no node "Gone" \(#2\).*Export \(API\)'):
        to_api_form(unknown, INFO)
    random = drawing()
    random["nodes"][2]["widgets_values"] = ["a {red|blue} fish"]
    with pytest.raises(Refused, match="node #2: the text .* has a random choice in braces"):
        to_api_form(random, INFO)


def test_a_picture_has_the_prompt_that_made_it(tmp_path: Path) -> None:
    texts = PngInfo()
    texts.add_text("workflow", json.dumps(drawing()))
    Image.new("RGB", (8, 8)).save(tmp_path / "drawn.png", pnginfo=texts)
    assert read_workflow(tmp_path / "drawn.png") == drawing()
    texts.add_itxt("prompt", json.dumps({**graph(), "1": {**graph()["1"], "is_changed": [0.5]}}), zip=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "made.png", pnginfo=texts)
    assert read_workflow(tmp_path / "made.png") == graph()


WRONG = {
    "none.json": (None, "there is no workflow"),
    "text.json": (b"fish", "text.json contains no workflow"),
    "list.json": (b"[]", "contains a value of type list, not a workflow"),
    "cut.png": (b"\x89PNG\r\n\x1a\n\0\0\xff", "cut.png is damaged"),
    "box.mp4": (b"\0\0\0\x08ftyp\0\0\0\x02moov", "the file is damaged: one of its boxes claims to have 2 bytes"),
    "odd.json": (b'{"1": {"inputs": {}}}', '"1" has no class_type'),
    "bare.json": (b'{"1": {"class_type": "A"}}', r"node #1 \(A\) has no inputs"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_without_a_workflow_is_refused(name: str, tmp_path: Path) -> None:
    content, said = WRONG[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Refused, match=said):
        read_workflow(tmp_path / name)
