"""The forms of files: the canvas, prompts, subgraphs, group nodes, ways through other nodes, groups and notes."""

from typing import Any

from evolved_graphs import Out, Sketch, subgraph

from kinema.convert import convert, has_evolved_nodes
from kinema.convert.conversion import MARK
from kinema.convert.definitions.node_definitions import target_nodes
from tools.conversions.validity import evolved_types, problems


def whole(before: Any) -> Any:
    conversion = convert(before)
    assert not problems(before, conversion.workflow, target_nodes()) and not evolved_types(conversion.workflow), (
        conversion.report.text()
    )
    assert convert(conversion.workflow).workflow is conversion.workflow
    return conversion.workflow


def of_type(workflow: Any, kind: str) -> Any:
    return next(node for node in workflow["nodes"] if node["type"] == kind)


def small(sketch: Sketch, **links: Out) -> tuple[Out, Out]:
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    sink = sketch.add(
        "ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", title="My motion", model=checkpoint, **links
    )
    return checkpoint, sink


def test_a_workflow_without_ade_comes_back_as_it_is() -> None:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    sketch.sample(checkpoint, checkpoint)
    before = sketch.ui()
    assert convert(before).workflow is before and not has_evolved_nodes(before)


def test_the_sink_gives_its_id_and_title_to_apply_motion_model() -> None:
    sketch = Sketch()
    windows = sketch.add("ADE_StandardStaticContextOptions", 8, 2)
    checkpoint, sink = small(sketch, context_options=windows)
    sampler = sketch.sample(sink, checkpoint, 24)
    after = whole(sketch.ui())
    apply = of_type(after, "KinemaApplyMotionModel")
    assert (apply["id"], apply["title"]) == (sink.node, "My motion")
    assert of_type(after, "KinemaContextWindows")["id"] == windows.node
    (model,) = [link for link in after["links"] if link[3:5] == [sampler.node, 0]]
    assert model[1] == windows.node and after["extra"][MARK]["version"] == 1


def test_options_through_reroutes_and_named_ways() -> None:
    sketch = Sketch()
    windows = sketch.add("ADE_StandardStaticContextOptions", 8, 2)
    way = sketch.typed(sketch.add("Reroute", **{"": windows}), "CONTEXT_OPTIONS")
    sketch.add("SetNode", "windows", **{"*": way})
    got = sketch.typed(sketch.add("GetNode", "windows"), "CONTEXT_OPTIONS")
    checkpoint, sink = small(sketch, context_options=got)
    sketch.sample(sketch.typed(sketch.add("Reroute", **{"": sink}), "MODEL"), checkpoint, 24)
    after = whole(sketch.ui())
    assert of_type(after, "KinemaContextWindows")["widgets_values"][0] == 8
    assert [node["type"] for node in after["nodes"]].count("Reroute") == 1


def test_options_that_are_sent_to_all_sinks() -> None:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    for sent in (sketch.add("ADE_StandardStaticContextOptions", 8, 2), checkpoint):
        sketch.add("Anything Everywhere", anything=sent)
    sketch.sample(sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect"), checkpoint, 24)
    after = whole(sketch.ui())
    assert of_type(after, "KinemaContextWindows")["widgets_values"][:2] == [8, 2]
    sender = of_type(after, "Anything Everywhere")  # only the one that sends the MODEL
    (link,) = [link for link in after["links"] if link[3] == sender["id"]]
    assert link[1] == checkpoint.node


def test_primitives_stay_on_numbers_and_become_values_of_combos() -> None:
    sketch = Sketch()
    length = sketch.typed(sketch.add("PrimitiveNode", 12, "fixed"), "INT")
    schedule = sketch.typed(sketch.add("PrimitiveNode", "lcm", "fixed"), "COMBO")
    windows = sketch.add("ADE_StandardStaticContextOptions", 16, 4, context_length=length)
    checkpoint, sink = small(sketch, context_options=windows, beta_schedule=schedule)
    sketch.sample(sink, checkpoint, 24)
    after = whole(sketch.ui())
    assert [node["id"] for node in after["nodes"] if node["type"] == "PrimitiveNode"] == [length.node]
    assert "LCM" in of_type(after, "KinemaApplyMotionModel")["widgets_values"]


def test_a_primitive_that_chooses_a_file_becomes_its_name() -> None:
    sketch = Sketch()
    chosen = sketch.typed(sketch.add("PrimitiveNode", "other.ckpt", "fixed", ""), "COMBO")
    checkpoint, sink = small(sketch, model_name=chosen)
    sketch.sample(sink, checkpoint)
    after = whole(sketch.ui())
    assert of_type(after, "KinemaLoadMotionModel")["widgets_values"][0] == "other.ckpt"
    assert "PrimitiveNode" not in {node["type"] for node in after["nodes"]}


def test_modes_of_sinks_are_those_of_their_chains() -> None:
    for mode in (2, 4):
        sketch = Sketch()
        windows = sketch.add("ADE_StandardStaticContextOptions", 8, 2)
        checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
        links = {"model": checkpoint, "context_options": windows}
        sink = sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", mode=mode, **links)
        sketch.sample(sink, checkpoint)
        after = whole(sketch.ui())
        assert (
            of_type(after, "KinemaApplyMotionModel")["mode"] == of_type(after, "KinemaContextWindows")["mode"] == mode
        )


def test_groups_grow_around_new_nodes() -> None:
    sketch = Sketch()
    checkpoint, sink = small(sketch)
    sketch.sample(sink, checkpoint)
    node = sketch.nodes[sink.node - 1]
    sketch.groups.append({"title": "motion", "bounding": [node["pos"][0] - 10, node["pos"][1] - 40, 320, 170]})
    after = whole(sketch.ui())
    left, top, width, height = after["groups"][0]["bounding"]
    for kind in ("KinemaApplyMotionModel", "KinemaLoadMotionModel"):
        x, y = of_type(after, kind)["pos"]
        wide, high = of_type(after, kind)["size"]
        assert left <= x and top <= y and x + wide <= left + width and y + high <= top + height


def test_a_note_says_what_differs() -> None:
    sketch = Sketch()
    windows = sketch.add("ADE_StandardUniformContextOptions", 8, 3, 2)
    checkpoint, sink = small(sketch, context_options=windows)
    sketch.sample(sink, checkpoint, 24)
    (text,) = of_type(whole(sketch.ui()), "Note")["widgets_values"]
    assert "same idea: The stride is above 1" in text and "For a closer result:" in text


def test_a_subgraph_with_a_sink() -> None:
    sketch = Sketch()
    sink = sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect")
    before = subgraph(sketch, sink.node, sink)
    after = whole(before)
    assert not convert(before).report.classes  # a subgraph is no node of another pack
    inner = after["definitions"]["subgraphs"][0]
    assert inner["outputs"][0]["linkIds"] != [902] and len(inner["inputs"][0]["linkIds"]) == 1
    assert inner["state"]["lastNodeId"] == max(node["id"] for node in inner["nodes"])


def test_widgets_that_a_subgraph_shows_of_converted_nodes_are_named() -> None:
    sketch = Sketch()
    sink = sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect")
    before = subgraph(sketch, sink.node, sink)
    before["nodes"][0]["properties"] = {"proxyWidgets": [["-1", "steps"], [str(sink.node), "model_name"], "nonsense"]}
    assert "Node 5000 shows widgets of nodes that were converted (model_name)." in convert(before).report.text()


def test_unused_group_nodes_with_ade_are_dropped() -> None:
    sketch = Sketch()
    sketch.add("LoadImage", "a.png")
    before = sketch.ui()
    groups = {"AD": {"nodes": [{"type": "ADE_AnimateDiffLoaderGen1"}]}, "other": {"nodes": [{"type": "LoadImage"}]}}
    before["extra"] = {"groupNodes": groups}
    conversion = convert(before)
    assert conversion.workflow["extra"]["groupNodes"].keys() == {"other"} and conversion.report.said


def test_a_group_node_is_taken_apart() -> None:
    sketch = Sketch()
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    sketch.sample(sketch.add("LoraLoaderModelOnly", "a.safetensors", 1.0, model=checkpoint), checkpoint, 24)
    inner = Sketch()
    windows = inner.add("ADE_StandardStaticContextOptions", 8, 2)
    inner.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", context_options=windows)
    before = sketch.ui()
    before["extra"] = {"groupNodes": {"AD": {"nodes": inner.nodes, "links": [[0, 0, 1, 1, 1, "CONTEXT_OPTIONS"]]}}}
    group = next(node for node in before["nodes"] if node["type"] == "LoraLoaderModelOnly")
    names = ["prev_context", "view_opts", "model", *"abcdefg"]
    group |= {"type": "workflow>AD", "inputs": [{"name": name, "type": "*", "link": None} for name in names]}
    group["inputs"][2]["link"] = 1
    after = convert(before).workflow
    assert of_type(after, "KinemaContextWindows")["widgets_values"][0] == 8
    for node in (group, inner.nodes[0]):  # as newer canvases store widgets
        node["inputs"].append(
            {"name": "context_length", "type": "INT", "link": None, "widget": {"name": "context_length"}}
        )
    group["widgets_values"] = [12, 3, "other.ckpt", "lcm"]  # what the group node shows counts
    shown = convert(before).workflow
    assert of_type(shown, "KinemaContextWindows")["widgets_values"][:2] == [12, 3]
    assert of_type(shown, "KinemaLoadMotionModel")["widgets_values"][0] == "other.ckpt"
    group["widgets_values"] = [12, 3, "other.ckpt"]
    assert "do not fit its inner nodes" in convert(before).report.text()
    types = {node["id"]: node["type"] for node in after["nodes"]}
    ways = {(types[link[1]], types[link[3]]) for link in after["links"]}
    assert {("CheckpointLoaderSimple", "KinemaApplyMotionModel"), ("KinemaContextWindows", "KSampler")} <= ways

    group["outputs"] = []
    left = convert(before)
    assert left.report.result == "not converted" and "cannot be converted to nodes" in left.report.units[0].refusal


def test_a_prompt() -> None:
    before = {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
        "a-b": {"class_type": "ADE_AnimateDiffLoaderWithContext", "inputs": {"model": ["1", 0], "model_name": "mm.ckpt",
                "beta_schedule": "autoselect", "context_options": ["w", 0]}},
        "w": {"class_type": "ADE_AnimateDiffUniformContextOptions", "inputs": {"context_schedule": "uniform"}},
        "k": {"class_type": "KSampler", "inputs": {"model": ["a-b", 0], "seed": 1}},
    }  # fmt: skip
    conversion = convert(before)
    after = conversion.workflow
    assert not problems(before, after, target_nodes()) and not evolved_types(after)
    assert after["a-b"]["class_type"] == "KinemaApplyMotionModel" and after["w"]["class_type"] == "KinemaContextWindows"
    assert after["a-b"]["inputs"]["match"] == "AnimateDiff-Evolved, v2 as v1"  # what Python's default is
    assert after["k"]["inputs"]["model"] == ["w", 0] and after["1"] is before["1"]
    said = [remark.text for unit in conversion.report.units for remark in unit.remarks]
    assert any(text.startswith("context_length is not in the prompt. 16 is used") for text in said)
    assert convert(after).workflow is after
