"""Damaged and hostile files: a clear error, or the workflow as it is; never another exception, and no more time than
their size asks for."""

from contextlib import suppress
from typing import Any

import pytest
from evolved_graphs import Sketch

from kinema.convert import WorkflowError, convert
from kinema.convert.definitions.node_definitions import target_nodes
from kinema.convert.files.containers import parse
from tools.conversions.validity import problems

LOADER = {"id": 1, "type": "ADE_AnimateDiffLoaderGen1", "widgets_values": ["mm.ckpt", "autoselect"]}


@pytest.mark.parametrize("workflow", [None, 3, "text", [], {}, {"nodes": 3}, {"1": {"inputs": {}}}])
def test_what_is_no_workflow(workflow: Any) -> None:
    with pytest.raises(WorkflowError, match=r"not a ComfyUI workflow.*Choose a file"):
        convert(workflow)


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        ([LOADER, 3], "has no type"),
        ([LOADER, {"id": 2}], "has no type"),
        ([LOADER, {"type": "KSampler"}], "has no id"),
        ([LOADER, LOADER], "Two nodes have the id 1"),
    ],
)
def test_damaged_nodes(nodes: list[Any], problem: str) -> None:
    with pytest.raises(WorkflowError, match=problem):
        convert({"nodes": nodes, "links": []})


@pytest.mark.parametrize(
    "part",
    [
        {"links": 3},
        {"links": [None, [], [1], ["x", {}, [], 1, 2], [1, 1, 10**9, 1, -5, "MODEL"], {"id": []}]},
        {"groups": [None, 3, {"bounding": ["a"]}, {"bounding": [0, 0, float("inf"), 1]}]},
        {"extra": []},
        {"extra": {"groupNodes": {"a": None, "b": {"nodes": 3}}}},
        {"definitions": {"subgraphs": [None, {"nodes": None}]}},
        {"definitions": 3},
    ],
)
def test_damaged_parts_around_a_loader(part: dict[str, Any]) -> None:
    before = {"nodes": [LOADER], "links": [], **part}
    try:
        after = convert(before).workflow
    except WorkflowError:
        return
    assert [node["type"] for node in after["nodes"]].count("KinemaApplyMotionModel") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"pos": "here"},
        {"pos": [float("nan"), 1e300]},
        {"size": {"0": None}},
        {"widgets_values": {"model_name": ["a"]}},
        {"widgets_values": [[], {}]},
        {"mode": "on"},
        {"inputs": [None, {"name": 3, "link": {}}]},
        {"outputs": [None, {"links": 3}]},
        {"flags": 3},
        {"title": 3},
    ],
)
def test_damaged_values_of_a_loader(change: dict[str, Any]) -> None:
    with suppress(WorkflowError):
        convert({"nodes": [{**LOADER, **change}], "links": []})


def test_a_circle_of_options_ends() -> None:
    sketch = Sketch()
    first = sketch.add("ADE_StandardStaticContextOptions", 8, 2)
    last = sketch.add("ADE_StandardStaticContextOptions", 8, 2, prev_context=first)
    sketch.link(last, first.node, "prev_context")
    sink = sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", context_options=last)
    sketch.link(sketch.add("OtherPackModel", model=sink), sink.node, "model")
    before = sketch.ui()
    assert not problems(before, convert(before).workflow, target_nodes())


def test_a_circle_of_reroutes_ends() -> None:
    sketch = Sketch()
    first = sketch.add("Reroute")
    second = sketch.add("Reroute", **{"": first})
    sketch.link(second, first.node, "")
    sink = sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", context_options=second, model=first)
    sketch.sample(sink, sketch.add("CheckpointLoaderSimple", "a.safetensors"))
    assert convert(sketch.ui()).report.converted


def test_deep_nesting_is_refused_with_words() -> None:
    with pytest.raises(WorkflowError, match="nested too deeply"):
        parse("[" * 200_000, "a.json")


def test_long_rows_take_linear_time() -> None:
    """2,000 contexts in a row, and 2,000 users of one output: a quadratic way would take minutes."""
    sketch = Sketch()
    before = None
    for _ in range(2000):
        links = {"prev_context": before} if before else {}
        before = sketch.add("ADE_StandardStaticContextOptions", 8, 2, **links)
    assert before is not None
    sink = sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", context_options=before)
    for _ in range(2000):
        sketch.add("OtherPackModel", model=sink)
    after = convert(sketch.ui()).workflow
    assert sum(node["type"] == "KinemaContextWindows" for node in after["nodes"]) == 2000
