"""Workflows as people open them: a prompt whose nodes have places, groups around stages, and notes.

A template is written as Python and turned into the file that the canvas loads, so that it follows the nodes' schemas.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ..graph import to_graph

COLUMN, WIDTH = 360, 300  # pixels from one column to the next, and of a node
ZOOM = 0.75  # with which a template opens: text is legible from 0.6 on
CORNER = (80, 110)  # pixels of the page where its left upper corner is then, right of and below the page's own buttons
MARGIN, TITLE = 20, 60  # of a group around its nodes; a node's title bar and the group's
BEND = "Reroute"  # the canvas's own node: where a wire bends
BEND_INFO = {"input": {"required": {"": ["*", {}]}}, "output": ["*"], "output_name": [""]}
COLOURS = {
    "load": "#3f789e",
    "motion": "#8a5",
    "prompt": "#b58b2a",
    "sample": "#a1309b",
    "save": "#88a",
}


@dataclass(frozen=True)
class Link:
    """A model file that the host offers to people who lack it."""

    name: str  # of the file
    url: str  # where it is downloaded
    directory: str  # the host's folder of models that it belongs in


@dataclass(frozen=True)
class Node:
    """A node on the canvas."""

    kind: str  # its class name
    x: float  # of the left edge, in pixels
    y: float  # of the top edge, in pixels
    inputs: dict[str, Any]  # values of widgets, and links as [node name, output number]
    title: str = ""  # instead of the node's own; empty: its own
    height: float = 0.0  # pixels; 0: as high as the widgets need
    width: float = WIDTH  # pixels
    models: tuple[Link, ...] = ()  # files that the node needs


def bend(of: list[Any], kind: str, x: float, y: float) -> Node:
    """A place that a wire of type `kind` goes through."""
    return Node(BEND, x, y, {"": of}, title=kind, height=26, width=75)


@dataclass(frozen=True)
class Note:
    """A text on the canvas."""

    text: str  # Markdown
    x: float  # of the left edge, in pixels
    y: float  # of the top edge, in pixels
    height: float  # pixels


@dataclass(frozen=True)
class Stage:
    """A group around nodes, whose title gets a number."""

    title: str  # without its number
    colour: str  # key of COLOURS
    names: tuple[str, ...]  # of its nodes and notes


@dataclass(frozen=True)
class Template:
    """A workflow of example_workflows."""

    file: str  # its name in code and in fixtures
    nodes: dict[str, Node]  # by their name within the template
    stages: tuple[Stage, ...]  # groups, in their order
    notes: dict[str, Note] = field(default_factory=dict)  # by their name within the template
    title: str = ""  # what people read; the name of its file in example_workflows

    def prompt(self) -> dict[str, Any]:
        """With the wires' bends, which the canvas knows as nodes and the server does not."""
        ids = {name: str(number) for number, name in enumerate(self.nodes, start=1)}

        def value(given: Any) -> Any:
            return [ids[given[0]], given[1]] if isinstance(given, list) else given

        return {
            ids[name]: {"class_type": node.kind, "inputs": {key: value(given) for key, given in node.inputs.items()}}
            for name, node in self.nodes.items()
        }

    def workflow(self, object_info: dict[str, Any]) -> dict[str, Any]:
        """The file's content; `object_info` is the server's description of its nodes."""
        graph = to_graph(self.prompt(), object_info | {BEND: BEND_INFO})
        by_name = dict(zip(self.nodes, graph["nodes"], strict=True))
        for name, node in self.nodes.items():
            drawn = by_name[name]
            drawn["pos"] = [node.x, node.y]
            drawn["size"] = [node.width, node.height or drawn["size"][1]]
            if node.kind == BEND:
                drawn["outputs"][0]["type"] = node.title
                graph["links"][drawn["inputs"][0]["link"] - 1][5] = node.title
            elif node.title:
                drawn["title"] = node.title
            if node.models:
                drawn["properties"]["models"] = [asdict(link) for link in node.models]
        for number, (name, note) in enumerate(self.notes.items(), start=len(self.nodes) + 1):
            by_name[name] = _note(number, note)
            graph["nodes"].append(by_name[name])
        graph["last_node_id"] = len(graph["nodes"])
        graph["groups"] = [_group(number, stage, by_name) for number, stage in enumerate(self.stages, start=1)]
        left = min(group["bounding"][0] for group in graph["groups"])
        top = min(group["bounding"][1] for group in graph["groups"])
        graph["extra"] = {"ds": {"scale": ZOOM, "offset": [CORNER[0] / ZOOM - left, CORNER[1] / ZOOM - top]}}
        return graph


def without_bends(prompt: dict[str, Any]) -> dict[str, Any]:
    """As the server runs it: the bends of wires are known to the canvas only."""

    def source(value: Any) -> Any:
        while isinstance(value, list) and prompt[value[0]]["class_type"] == BEND:
            value = prompt[value[0]]["inputs"][""]
        return value

    nodes = {number: node for number, node in prompt.items() if node["class_type"] != BEND}
    return {
        number: {**node, "inputs": {name: source(value) for name, value in node["inputs"].items()}}
        for number, node in nodes.items()
    }


def _note(number: int, note: Note) -> dict[str, Any]:
    return {
        "id": number,
        "type": "MarkdownNote",
        "pos": [note.x, note.y],
        "size": [WIDTH, note.height],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "properties": {},
        "widgets_values": [note.text],
        "color": "#432",
        "bgcolor": "#653",
    }


def _group(number: int, stage: Stage, nodes: dict[str, Any]) -> dict[str, Any]:
    inside = [nodes[name] for name in stage.names]
    left = min(node["pos"][0] for node in inside)
    top = min(node["pos"][1] for node in inside)
    right = max(node["pos"][0] + node["size"][0] for node in inside)
    bottom = max(node["pos"][1] + node["size"][1] for node in inside)
    box = [left - MARGIN, top - TITLE - MARGIN, right - left + 2 * MARGIN, bottom - top + TITLE + 2 * MARGIN]
    return {
        "id": number,
        "title": f"{number}  {stage.title}",
        "bounding": box,
        "color": COLOURS[stage.colour],
        "font_size": 24,
        "flags": {},
    }
