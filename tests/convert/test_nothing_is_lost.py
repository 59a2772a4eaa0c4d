"""What the converter cannot take over stays, or is said; and the texts of prompt schedules."""

from typing import Any

import pytest
from evolved_graphs import PLAIN, Out, Sketch

from kinema.convert import Conversion, convert, has_evolved_nodes
from kinema.convert.definitions.node_definitions import target_nodes
from kinema.convert.report import NOT_CONVERTED
from kinema.convert.rules.plan import RefusedError
from kinema.convert.rules.prompt_texts import fizz_text, with_commas
from tools.conversions.validity import evolved_types, problems

PLAIN["ADE_OfAnotherVersion"] = ({"model": "MODEL"}, [])


def converted(sketch: Sketch, core: bool = False) -> Conversion:
    conversion = convert(sketch.ui(), core=core)
    assert not problems(sketch.ui(), conversion.workflow, target_nodes())
    return conversion


def of_type(workflow: Any, kind: str) -> Any:
    return next(node for node in workflow["nodes"] if node["type"] == kind)


def test_an_unknown_node_of_ade_stays() -> None:
    sketch = Sketch()
    sketch.add("ADE_OfAnotherVersion", model=sketch.add("CheckpointLoaderSimple", "a.safetensors"))
    (unit,) = converted(sketch).report.units
    assert unit.result == NOT_CONVERTED and "The converter does not know this node" in unit.refusal


def test_options_without_effect_are_removed_and_named() -> None:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    sketch.sample(sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", model=checkpoint), checkpoint)
    loose = sketch.add("ADE_StandardStaticContextOptions", 8, 2)
    sketch.add("SetNode", "windows", **{"*": loose})
    sketch.typed(sketch.add("GetNode", "windows"), "CONTEXT_OPTIONS")
    conversion = converted(sketch)
    assert not evolved_types(conversion.workflow)
    name = f"ADE_StandardStaticContextOptions ({loose.node})"
    assert conversion.report.said == (f"Nodes without effect were removed: {name}.",)
    assert {node["type"] for node in conversion.workflow["nodes"]}.isdisjoint({"SetNode", "GetNode"})


def test_without_ade_other_packs_stay() -> None:
    sketch = Sketch()
    sketch.add("ACN_SparseCtrlLoaderAdvanced", "rgb.ckpt", True, 1.0, 1.0, "off", 1.0, 1.0)
    before = sketch.ui()
    assert convert(before).workflow is before and not has_evolved_nodes(before)


@pytest.mark.parametrize(("kind", "values"), [("PrimitiveNode", [12, "fixed"]), ("Constant Number", ["integer", 12])])
def test_a_constant_of_another_type_becomes_its_number(kind: str, values: list[Any]) -> None:
    PLAIN.setdefault("Constant Number", ({}, ["*"]))
    sketch = Sketch()
    rate = sketch.typed(sketch.add(kind, *values), "INT")
    images = sketch.add("LoadImage", "a.png")
    sketch.add("ADE_AnimateDiffCombine", 8, 0, "a", "image/webp", False, True, images=images, frame_rate=rate)
    conversion = converted(sketch)
    assert of_type(conversion.workflow, "SaveAnimatedWEBP")["widgets_values"][1] == 12.0
    assert f"fps is 12, the value of {kind}" in conversion.report.text()
    stays = kind in {node["type"] for node in conversion.workflow["nodes"]}
    assert stays == (kind != "PrimitiveNode")  # which serves nothing else


def test_links_of_bypassed_nodes_stay() -> None:
    sketch = Sketch()
    images = sketch.add("LoadImage", "a.png", mode=4)
    sketch.add("ADE_AnimateDiffCombine", 8, 0, "a", "image/webp", False, True, images=images)
    (link,) = converted(sketch).workflow["links"]
    assert link[1] == images.node


def test_a_used_output_without_an_equivalent_is_refused() -> None:
    sketch = Sketch()
    PLAIN.setdefault("OtherPackGif", ({"gif": "GIF"}, []))
    gif = sketch.add("ADE_AnimateDiffCombine", 8, 0, "a", "image/gif", False, True)
    sketch.typed(gif, "GIF")
    sketch.add("OtherPackGif", gif=gif)
    (unit,) = converted(sketch).report.units
    assert "OtherPackGif (2) uses the output GIF" in unit.refusal


def test_sinks_on_one_model_stay_together() -> None:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    first = sketch.add("ADE_AnimateDiffLoaderGen1", "", "autoselect", model=checkpoint)
    second = sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", model=first)
    sketch.sample(first, checkpoint)
    sketch.sample(second, checkpoint)
    conversion = converted(sketch)
    refusals = [unit.refusal for unit in conversion.report.units]
    assert not conversion.report.converted and "No motion model is chosen" in refusals[0]
    assert "acts on the same MODEL and was not converted" in refusals[1]


def test_camera_paths_are_joined_in_their_order() -> None:
    sketch = Sketch()
    first = sketch.add("ADE_CameraPoseBasic", "Pan Up", 1.0, 4)
    second = sketch.add("ADE_CameraPoseBasic", "Zoom In", 1.0, 5, prev_poses=first)
    third = sketch.add("ADE_CameraPoseBasic", "Pan Left", 1.0, 6)
    poses = sketch.add("ADE_CameraManualPoseAppend", poses_first=third, poses_last=second)
    motion = sketch.add("ADE_LoadAnimateDiffModelWithCameraCtrl", "mm.ckpt", "camera.ckpt")
    links: dict[str, Out] = {"motion_model": motion, "cameractrl_poses": poses}
    apply = sketch.add("ADE_ApplyAnimateDiffModelWithCameraCtrl", 0.0, 1.0, **links)
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    sketch.sample(sketch.add("ADE_UseEvolvedSampling", "autoselect", model=checkpoint, m_models=apply), checkpoint)
    workflow = converted(sketch).workflow
    moves = [node["widgets_values"][0] for node in workflow["nodes"] if node["type"] == "KinemaCameraPath"]
    assert moves == ["move left", "move up", "move forward"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"0": "a", "max_f-1": "b"', '"0": "a", "15": "b"'),
        ('"(max_f - 1) / 2": "b"', '"7": "b"'),
        ('"max_f*2/3": "b"', '"10": "b"'),
        ('"0-8": "a"', '"0:8": "a"'),
        ('0: "max_f is no key here"', '0: "max_f is no key here"'),
    ],
)
def test_frames_of_fizz_schedules(text: str, expected: str) -> None:
    assert fizz_text(text, 16, "here") == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('"0": "a",\n"4": "b `sin(t)`"', r"here, line 2: `sin\(t\)` is an expression"),
        ("a calm sea", "here: no line of the text begins with the number"),
        ('"max_f/0": "a"', "here: max_f/0 divides by 0"),
        ('"max_f**2": "a"', r"here: max_f\*\*2 is not a frame number"),
    ],
)
def test_fizz_schedules_that_are_refused(text: str, problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        fizz_text(text, 16, "here")


def test_missing_commas_are_added() -> None:
    assert with_commas('0 = "a" 4 = "b"\n8 = "c",') == ('0 = "a", 4 = "b",\n8 = "c",', 2)
