"""What the server tells the canvas about the nodes."""

import json
from pathlib import Path
from typing import Any

import pytest

from kinema.convert.definitions.node_definitions import target_nodes
from tools.client import Client
from tools.conversions.described import described_nodes

NODES = json.loads((Path(__file__).parents[2] / "node_list.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def info(client: Client) -> dict[str, Any]:
    return client.object_info()


@pytest.mark.parametrize("node", NODES)
def test_every_input_and_output_has_a_tooltip(info: dict[str, Any], node: str) -> None:
    described = info[node]
    assert described["display_name"] == NODES[node]
    assert described["category"].split("/")[0] == "AnimateDiff"
    assert described["description"]
    assert described["search_aliases"]
    inputs = {**described["input"].get("required", {}), **described["input"].get("optional", {})}
    assert all(options["tooltip"] for _, options in inputs.values())
    assert len(described["output_tooltips"]) == len(described["output"])
    assert all(described["output_tooltips"])


def test_the_natural_path_has_the_documented_sockets(info: dict[str, Any]) -> None:
    load, apply, both = (info[f"Kinema{name}"] for name in ("LoadMotionModel", "ApplyMotionModel", "AnimateDiff"))
    assert load["output"] == ["MOTION_MODEL"]
    assert apply["output"] == both["output"] == ["MODEL"]
    required = {name: kind for name, (kind, *_) in apply["input"]["required"].items()}
    assert (required["model"], required["motion_model"]) == ("MODEL", "MOTION_MODEL")
    assert apply["input"]["required"]["noise_schedule"][1]["default"] == "automatic"
    ends = {name: apply["input"]["optional"][name][1] for name in ("start_percent", "end_percent")}
    assert [(end["default"], end["advanced"]) for end in ends.values()] == [(0.0, True), (1.0, True)]
    required = {name: kind for name, (kind, *_) in both["input"]["required"].items()}
    assert required.keys() == {"model", "motion_model", "strength"} and required["model"] == "MODEL"


def test_the_host_has_the_nodes_that_the_converter_writes(info: dict[str, Any]) -> None:
    described = described_nodes(info)
    for name, known in target_nodes().items():
        node = described[name]
        assert [key for key in node.inputs if key in known.inputs] == list(known.inputs), name
        assert [kind for _, kind in node.outputs[: len(known.outputs)]] == [kind for _, kind in known.outputs], name
        for key, entry in known.inputs.items():
            there = node.inputs[key]
            assert (entry.type, entry.widget, entry.after) == (there.type, there.widget, there.after), f"{name}, {key}"
            assert entry.options is None or {*entry.options} <= {*(there.options or ())}, f"{name}, {key}"
        needed = {key for key, entry in node.inputs.items() if not entry.optional}
        assert needed <= {key for key, entry in known.inputs.items() if not entry.optional}, name


def test_only_model_files_are_offered(info: dict[str, Any]) -> None:
    kind, options = info["KinemaLoadMotionModel"]["input"]["required"]["motion_model"]
    offered = kind if isinstance(kind, list) else options["options"]
    assert "random_v3_mm.safetensors" in offered
    assert "notes.txt" not in offered


def test_numbers_that_take_a_curve_stay_number_widgets(info: dict[str, Any]) -> None:
    for node, name in (("ApplyMotionModel", "strength"), ("AnimateDiff", "strength"), ("LoadMotionLora", "strength")):
        kind, options = info[f"Kinema{node}"]["input"]["required"][name]
        assert kind == "FLOAT,KINEMA_CURVE"
        assert (options["widgetType"], options["default"], options["min"], options["max"]) == (
            "FLOAT",
            1.0,
            -10.0,
            10.0,
        )
