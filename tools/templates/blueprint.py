"""Subgraph blueprints: a template folded into one node, which shows the few widgets that people touch.

The host lists the files of `subgraphs` among its nodes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .board import Template

INPUTS, OUTPUTS = -10, -20  # the canvas's ids of the two edges of a subgraph
ROW, EDGE, GAP = 20, 160, 200  # pixels: a socket at an edge, the edge's width, its distance from the nodes
SIZE = [400, 480]  # of the folded node


@dataclass(frozen=True)
class Shown:
    """A widget of an inner node that the folded node shows."""

    node: str  # name of the inner node
    widget: str  # id of its input
    label: str = ""  # the name that is displayed; empty: that of the widget


@dataclass(frozen=True)
class Blueprint:
    """A template folded into one node."""

    name: str  # what the list of nodes shows
    description: str  # its tooltip in the list
    template: Template  # what is inside
    shown: tuple[Shown, ...]  # widgets of the folded node, from top to bottom
    output: str  # name of the inner node whose first output is that of the folded node
    aliases: tuple[str, ...]  # other words that the search finds it by

    def workflow(self, object_info: dict[str, Any]) -> dict[str, Any]:
        """The file's content: one node, and the definition of what is inside."""
        inside = self.template.workflow(object_info)
        by_name = dict(zip(self.template.nodes, inside["nodes"], strict=False))  # notes come last
        links = [_link(*link) for link in inside["links"]]
        inputs = [self._input(shown, by_name[shown.node], links, object_info) for shown in self.shown]
        output = self._output(by_name[self.output], links)
        definition = {
            "id": self._id(), "version": 1, "revision": 0, "config": {}, "name": self.name,
            "state": {"lastGroupId": len(inside["groups"]), "lastNodeId": inside["last_node_id"],
                      "lastLinkId": len(links), "lastRerouteId": 0},
            **dict(_edges(inside["nodes"], inputs, output)),
            "inputs": inputs, "outputs": [output], "widgets": [], "nodes": inside["nodes"], "groups": inside["groups"],
            "links": links, "extra": {}, "category": "AnimateDiff", "description": self.description,
        }  # fmt: skip
        folded = self._folded(inside["last_node_id"] + 1, inputs, output)
        return {
            "revision": 0, "last_node_id": folded["id"], "last_link_id": 0, "nodes": [folded], "links": [], "version": 0.4,
            "definitions": {"subgraphs": [definition]}, "extra": {"BlueprintSearchAliases": [*self.aliases]},
        }  # fmt: skip

    def _id(self, part: str = "") -> str:
        """The same at each writing."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"kinema/{self.name}/{part}"))

    def _input(self, shown: Shown, node: dict[str, Any], links: list[Any], info: dict[str, Any]) -> dict[str, Any]:
        """A socket of the left edge, wired to the widget, which becomes one."""
        kind = _kind(info[node["type"]], shown.widget)
        links.append(_link(len(links) + 1, INPUTS, self.shown.index(shown), node["id"], len(node["inputs"]), kind))
        widget = {"name": shown.widget}
        node["inputs"].append({"name": shown.widget, "type": kind, "widget": widget, "link": len(links)})
        label = {"label": shown.label} if shown.label else {}
        return {"id": self._id(shown.widget), "name": shown.widget, "type": kind, "linkIds": [len(links)], **label}

    def _output(self, node: dict[str, Any], links: list[Any]) -> dict[str, Any]:
        socket = node["outputs"][0]
        links.append(_link(len(links) + 1, node["id"], 0, OUTPUTS, 0, socket["type"]))
        socket["links"].append(len(links))
        name = socket["type"]
        return {"id": self._id("output"), "name": name, "type": name, "linkIds": [len(links)]}

    def _folded(self, number: int, inputs: list[dict[str, Any]], output: dict[str, Any]) -> dict[str, Any]:
        """Its widgets and their values have the order of `proxyWidgets`, where "-1" stands for an input of its own."""
        widgets = [{key: each[key] for key in ("name", "type", "label") if key in each} for each in inputs]
        return {
            "id": number, "type": self._id(), "pos": [0, 0], "size": SIZE, "flags": {}, "order": 0, "mode": 0,
            "title": self.name,
            "inputs": [{**each, "widget": {"name": each["name"]}, "link": None} for each in widgets],
            "outputs": [{"name": output["name"], "type": output["type"], "links": []}],
            "properties": {"proxyWidgets": [["-1", shown.widget] for shown in self.shown]},
            "widgets_values": [self.template.nodes[shown.node].inputs[shown.widget] for shown in self.shown],
        }  # fmt: skip


def _link(number: int, origin: int, output: int, target: int, slot: int, kind: str) -> dict[str, Any]:
    ends = {"origin_id": origin, "origin_slot": output, "target_id": target, "target_slot": slot}
    return {"id": number, **ends, "type": kind}


def _kind(described: dict[str, Any], widget: str) -> str:
    kind = next(group[widget][0] for group in described["input"].values() if widget in group)
    return "COMBO" if isinstance(kind, list) else kind


def _edges(nodes: list[Any], inputs: list[Any], output: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The two edges, left and right of the nodes; their sockets get places."""
    left = min(node["pos"][0] for node in nodes) - GAP - EDGE
    right = max(node["pos"][0] + node["size"][0] for node in nodes) + GAP
    for name, number, x, sockets in (("inputNode", INPUTS, left, inputs), ("outputNode", OUTPUTS, right, [output])):
        yield name, {"id": number, "bounding": [x, 0, EDGE, ROW * (len(sockets) + 2)]}
        for row, socket in enumerate(sockets, start=1):
            socket["pos"] = [x + ROW, ROW * row]
