"""Where the nodes of a converted graph go, and how far its groups grow."""

from collections.abc import Mapping, Sequence
from typing import Any

from .free_places import TITLE_HEIGHT, PlacedNodes, Rectangle, pair, rectangle
from .workflow_graph import INPUTS, OUTPUTS, GraphNode, WorkflowGraph

NOWHERE = (-1e12, -1e12)


def place(graph: WorkflowGraph, before: WorkflowGraph, fresh: Sequence[GraphNode], groups: Any) -> list[Any] | None:
    """Gives the `fresh` nodes free places near those that they were made of. Returns the groups, grown so that new nodes
    are in every group of the old one; None where there are none."""
    stored = list(groups) if isinstance(groups, list) else None
    bounds = {number: found for number, group in enumerate(stored or ()) if (found := _bounds(group)) is not None}
    new = {node.id for node in fresh}
    standing = [
        rectangle(node.raw) for node in graph.nodes.values() if node.id not in new and node.id not in (INPUTS, OUTPUTS)
    ]
    canvas = PlacedNodes()
    for rect in standing:
        canvas.put(rect)
    foreign = _foreign(standing, bounds)
    for node in fresh:
        wanted = rectangle(node.raw)
        origin = before.nodes[node.id].raw if node.id in before.nodes else node.raw
        middle = (
            rectangle(origin).middle if node.id in before.nodes else (wanted.left + 1, wanted.top + TITLE_HEIGHT + 1)
        )
        inside = [number for number, bound in bounds.items() if bound.holds(*middle)]
        outside = foreign(tuple(inside)) if inside else PlacedNodes()
        found = canvas.free_place(wanted, [bounds[number] for number in inside], outside)
        canvas.put(found)
        _move(node, found)
        for number in inside:
            bounds[number] = _grown(bounds[number], found)
    return _written(stored, bounds)


def _foreign(standing: Sequence[Rectangle], bounds: Mapping[int, Rectangle]) -> Any:
    """A function that gives the nodes outside of some groups; made once for each set of groups."""
    made: dict[tuple[int, ...], PlacedNodes] = {}
    first = dict(bounds)

    def outside(numbers: tuple[int, ...]) -> PlacedNodes:
        if numbers not in made:
            made[numbers] = PlacedNodes()
            for rect in standing:
                if not all(first[number].holds(*rect.middle) for number in numbers):
                    made[numbers].put(rect)
        return made[numbers]

    return outside


def _bounds(group: Any) -> Rectangle | None:
    stored = group.get("bounding") if isinstance(group, Mapping) else None
    if isinstance(stored, Mapping):
        stored = [stored.get(str(number)) for number in range(4)]
    corner, size = (
        (pair(stored[at : at + 2], NOWHERE) for at in (0, 2)) if isinstance(stored, list) else (NOWHERE, NOWHERE)
    )
    return None if NOWHERE in (corner, size) else Rectangle(*corner, *size)


def _grown(group: Rectangle, new: Rectangle) -> Rectangle:
    margin = Rectangle(new.left - 10, new.top - 20, new.width + 20, new.height + 40)
    inside = group.left <= new.left and group.top <= new.top and group.right >= new.right and group.bottom >= new.bottom
    return group if inside else group.around(margin)


def _move(node: GraphNode, found: Rectangle) -> None:
    raw = dict(node.raw)
    raw["pos"] = [round(found.left), round(found.top + TITLE_HEIGHT)]
    node.raw = raw


def _written(stored: list[Any] | None, bounds: Mapping[int, Rectangle]) -> list[Any] | None:
    if stored is None:
        return None
    for number, rect in bounds.items():
        group = stored[number]
        if rect != _bounds(group):
            stored[number] = {**group, "bounding": [rect.left, rect.top, rect.width, rect.height]}
    return stored
