"""Workflows that earlier versions saved: a widget's value is found by its place, so no widget may ever shift."""

import json
from pathlib import Path
from typing import Any

import pytest

from kinema.nodes import NODES
from tools.graph import to_graph
from tools.templates.keep import FOLDER, version

INFO = {node.define_schema().node_id: node.GET_NODE_INFO_V1() for node in NODES}
SAVED = sorted(path for path in FOLDER.rglob("*.json") if not path.name.endswith(".api.json"))


def own_nodes(prompt: dict[str, Any]) -> dict[str, Any]:
    """Kinema's, with the values of their widgets."""
    return {
        number: {**node, "inputs": {k: v for k, v in node["inputs"].items() if not isinstance(v, list)}}
        for number, node in prompt.items()
        if node["class_type"] in INFO
    }


def test_this_version_keeps_its_workflows() -> None:
    assert (FOLDER / version() / "every_node.json").is_file(), "run python3 dev.py templates --keep"


@pytest.mark.parametrize("path", SAVED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_value_is_still_at_its_widgets_place(path: Path) -> None:
    saved = {str(node["id"]): node for node in json.loads(path.read_text(encoding="utf-8"))["nodes"]}
    prompt = own_nodes(json.loads(path.with_suffix(".api.json").read_text(encoding="utf-8")))
    for now in to_graph(prompt, INFO)["nodes"]:
        before = saved[str(now["id"])]
        values = before["widgets_values"]
        assert now["type"] == before["type"]
        assert now["widgets_values"][: len(values)] == values
        sockets = [socket["name"] for socket in now["inputs"]]
        assert {socket["name"] for socket in before["inputs"] if "." not in socket["name"]} <= {*sockets}
