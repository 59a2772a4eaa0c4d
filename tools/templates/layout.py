"""Checks that a workflow is tidy: nothing overlaps, wires go to the right and do not cross."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any

Point = tuple[float, float]
TITLE_BAR, SLOT, FIRST_SLOT = 30.0, 20.0, 14.0  # pixels of the canvas: above a node's place; from slot to slot
PARTS = 24  # straight parts that a wire is cut into


def faults(workflow: dict[str, Any]) -> list[str]:
    """What is untidy, one sentence each."""
    return [*_overlaps(workflow), *_backward(workflow), *_crossings(workflow), *_outside(workflow)]


def _overlaps(workflow: dict[str, Any]) -> Iterator[str]:
    for a, b in combinations(workflow["nodes"], 2):
        (left, top, right, bottom), (left2, top2, right2, bottom2) = _box(a), _box(b)
        if left < right2 and left2 < right and top < bottom2 and top2 < bottom:
            yield f"{_name(a)} lies over {_name(b)}"


def _box(node: dict[str, Any]) -> tuple[float, float, float, float]:
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE_BAR, x + width, y + height


def _backward(workflow: dict[str, Any]) -> Iterator[str]:
    for name, start, end in _wires(workflow):
        if end[0] < start[0]:
            yield f"the wire {name} goes to the left"


def _crossings(workflow: dict[str, Any]) -> Iterator[str]:
    drawn = [(name, start, _spline(start, end)) for name, start, end in _wires(workflow)]
    for (name, start, one), (name2, start2, other) in combinations(drawn, 2):
        if start != start2 and any(_cross(*a, *b) for a in pairwise(one) for b in pairwise(other)):
            yield f"the wires {name} and {name2} cross"


def _wires(workflow: dict[str, Any]) -> Iterator[tuple[str, Point, Point]]:
    """Name, beginning and end of each."""
    nodes = {node["id"]: node for node in workflow["nodes"]}
    for _, origin, output, target, slot, _ in workflow["links"]:
        source, sink = nodes[origin], nodes[target]
        start = (source["pos"][0] + source["size"][0], _slot(source, output))
        yield f"{_name(source)} to {_name(sink)}", start, (sink["pos"][0], _slot(sink, _row(sink, slot)))


def _row(node: dict[str, Any], slot: int) -> int:
    """Where a socket is drawn: those of widgets come after the others (a little lower still, on their widget)."""
    own = [number for number, each in enumerate(node["inputs"]) if "widget" not in each]
    return own.index(slot) if slot in own else len(own) + slot


def _slot(node: dict[str, Any], row: int) -> float:
    return float(node["pos"][1]) + FIRST_SLOT + SLOT * row


def _spline(start: Point, end: Point) -> list[Point]:
    """The canvas's curve: it leaves and arrives horizontally, over a quarter of the distance."""
    reach = 0.25 * ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    points = (start, (start[0] + reach, start[1]), (end[0] - reach, end[1]), end)
    return [_bezier(points, part / PARTS) for part in range(PARTS + 1)]


def _bezier(points: tuple[Point, Point, Point, Point], t: float) -> Point:
    weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
    x, y = (sum(w * p[axis] for w, p in zip(weights, points, strict=True)) for axis in (0, 1))
    return x, y


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


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
