"""Checks that a workflow is tidy: nothing overlaps, wires go to the right, and all of it fits on a screen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

Point = tuple[float, float]
TITLE_BAR = 30.0  # pixels of the canvas above a node's place
LARGEST = (2000.0, 1140.0)  # pixels that a page of 1600 x 900 shows at 75 %, where text is legible


def faults(workflow: dict[str, Any]) -> list[str]:
    """What is untidy, one sentence each."""
    return [*_overlaps(workflow), *_backward(workflow), *_outside(workflow), *_too_large(workflow)]


def _overlaps(workflow: dict[str, Any]) -> Iterator[str]:
    for a, b in combinations(workflow["nodes"], 2):
        left, top, right, bottom = _box(a)
        left2, top2, right2, bottom2 = _box(b)
        if left < right2 and left2 < right and top < bottom2 and top2 < bottom:
            yield f"{_name(a)} covers {_name(b)}"


def _box(node: dict[str, Any]) -> tuple[float, float, float, float]:
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE_BAR, x + width, y + height


def _backward(workflow: dict[str, Any]) -> Iterator[str]:
    """Wires that go to the left. They may from a node to one that stands directly above or below it."""
    nodes = {node["id"]: node for node in workflow["nodes"]}
    for _, origin, _, target, _, _ in workflow["links"]:
        _, _, right, _ = _box(nodes[origin])
        left, _, end, _ = _box(nodes[target])
        if left < right and end <= nodes[origin]["pos"][0]:
            yield f"the wire from {_name(nodes[origin])} to {_name(nodes[target])} goes to the left"


def _too_large(workflow: dict[str, Any]) -> Iterator[str]:
    boxes = [_box(node) for node in workflow["nodes"]] + [_corners(each["bounding"]) for each in workflow["groups"]]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    size = (max(rights) - min(lefts), max(bottoms) - min(tops))
    if size[0] > LARGEST[0] or size[1] > LARGEST[1]:
        yield f"the template has {size} pixels, more than {LARGEST}"


def _outside(workflow: dict[str, Any]) -> Iterator[str]:
    """Groups that cut through a node, or that lie over one another."""
    boxes = [(group["title"], *_corners(group["bounding"])) for group in workflow["groups"]]
    for title, left, top, right, bottom in boxes:
        for node in workflow["nodes"]:
            x, y, x2, y2 = _box(node)
            touches = left < x2 and x < right and top < y2 and y < bottom
            if touches and not (left <= x and x2 <= right and top <= y and y2 <= bottom):
                yield f'the group "{title}" cuts through {_name(node)}'
    for (a, left, top, right, bottom), (b, left2, top2, right2, bottom2) in combinations(boxes, 2):
        if left < right2 and left2 < right and top < bottom2 and top2 < bottom:
            yield f'the groups "{a}" and "{b}" overlap'


def _corners(bounding: list[float]) -> tuple[float, float, float, float]:
    x, y, width, height = bounding
    return x, y, x + width, y + height


def _name(node: dict[str, Any]) -> str:
    return str(node.get("title") or node["type"])
