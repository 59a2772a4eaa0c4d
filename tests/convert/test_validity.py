"""The checks of converted workflows notice what is wrong with one."""

from collections.abc import Callable
from typing import Any

import pytest
from evolved_graphs import Sketch

from kinema.convert import convert
from kinema.convert.definitions.node_definitions import target_nodes
from tools.conversions.validity import problems

Damage = Callable[[Any], Any]


def sketched() -> Sketch:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    windows = sketch.add("ADE_StandardStaticContextOptions", 8, 2)
    links = {"model": checkpoint, "context_options": windows}
    sketch.sample(sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", **links), checkpoint)
    sketch.groups.append({"title": "all", "bounding": [0, 0, 10, 10]})
    return sketch


def of_type(workflow: Any, kind: str) -> Any:
    return next(node for node in workflow["nodes"] if node["type"] == kind)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda after: of_type(after, "KSampler").update(title="other"), "KSampler 7 changed"),
        (lambda after: after["nodes"].remove(of_type(after, "EmptyLatentImage")), "EmptyLatentImage 6 is gone"),
        (lambda after: after["links"].pop(0), "links that do not exist"),
        (lambda after: after["links"].append([90, 1, 1, 7, 0, "CLIP"]), "link 90 carries CLIP to model of KSampler 7"),
        (lambda after: of_type(after, "KinemaContextWindows")["widgets_values"].__setitem__(0, 0), "must be from 1"),
        (
            lambda after: of_type(after, "KinemaContextWindows")["widgets_values"].__setitem__(2, "x"),
            "is not an option",
        ),
        (lambda after: of_type(after, "KinemaContextWindows")["widgets_values"].append(1), "more values than widgets"),
        (lambda after: of_type(after, "KinemaApplyMotionModel").update(type="Nothing"), "this host has no such node"),
        (lambda after: of_type(after, "KinemaLoadMotionModel").update(pos=[350, 0]), "covers another node"),
        (lambda after: after["groups"][0].update(bounding=[5, 5, 1, 1]), "changed by more than its size"),
        (lambda after: after.update(version=1), "version of the file changed"),
    ],
)
def test_damages_of_a_workflow(damage: Damage, problem: str) -> None:
    after: Any = convert(sketched().ui()).workflow
    assert not problems(sketched().ui(), after, target_nodes())
    damage(after)
    assert problem in "\n".join(problems(sketched().ui(), after, target_nodes()))


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda after: after["7"]["inputs"].update(model=["1", 0], latent_image=["1", 0]), "latent_image of KSampler"),
        (lambda after: after["2"]["inputs"].update(length="x"), "length is 'x', not of the type INT"),
        (lambda after: after["2"]["inputs"].pop("model"), "model is required"),
        (lambda after: after["2"]["inputs"].update(model=["1", 1]), "model takes MODEL and gets CLIP"),
        (lambda after: after.pop("6"), "EmptyLatentImage 6 is gone"),
        (lambda after: after["2"].update(class_type="Nothing"), "this host has no such node"),
    ],
)
def test_damages_of_a_prompt(damage: Damage, problem: str) -> None:
    after: Any = convert(sketched().api()).workflow
    assert not problems(sketched().api(), after, target_nodes())
    damage(after)
    assert problem in "\n".join(problems(sketched().api(), after, target_nodes()))
