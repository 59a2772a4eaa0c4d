"""Places for new nodes on the canvas: near the node they come from, over no other node, inside the same groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MARGIN = 20.0  # pixels between nodes
TITLE_HEIGHT = 30.0  # height of a title above a node's position
CELL = 400.0  # size of the cells in which rectangles are looked up
MOST_CELLS = 400  # of one rectangle; larger ones are checked every time
MOST_TRIES = 40  # places that are tried in each direction


@dataclass(frozen=True)
class Rectangle:
    """A part of the canvas, in pixels."""

    left: float  # x of the left edge
    top: float  # y of the upper edge, which is smaller than that of the lower
    width: float  # to the right
    height: float  # downwards

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def meets(self, other: "Rectangle") -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    def around(self, other: "Rectangle") -> "Rectangle":
        """The smallest rectangle with both in it."""
        left = min(self.left, other.left)
        top = min(self.top, other.top)
        return Rectangle(left, top, max(self.right, other.right) - left, max(self.bottom, other.bottom) - top)

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2


@dataclass
class PlacedNodes:
    """Which rectangles are where."""

    _cells: dict[tuple[int, int], list[Rectangle]] = field(default_factory=dict)  # by column and row
    _large: list[Rectangle] = field(default_factory=list)  # those of more than MOST_CELLS

    def put(self, place: Rectangle) -> None:
        cells = list(_cells_of(place))
        if len(cells) > MOST_CELLS:
            self._large.append(place)
            return
        for cell in cells:
            self._cells.setdefault(cell, []).append(place)

    def is_free(self, place: Rectangle) -> bool:
        near = (other for cell in _cells_of(place) for other in self._cells.get(cell, ()))
        return not any(place.meets(other) for other in (*near, *self._large))

    def free_place(self, wanted: Rectangle, groups: Sequence[Rectangle], foreign: "PlacedNodes") -> Rectangle:
        """A free place as near to `wanted` as possible; the first that does not make `groups` grow over the middle of
        a node of `foreign`, which are the nodes outside of them."""
        first = None
        for place in _tries(wanted):
            if not self.is_free(place):
                continue
            if all(_stays_alone(group.around(_with_margin(place)), group, foreign) for group in groups):
                return place
            first = first or place
        return first or self._below_all(wanted)

    def _below_all(self, wanted: Rectangle) -> Rectangle:
        lowest = max((place.bottom for row in self._cells.values() for place in row), default=wanted.top)
        lowest = max([lowest, *(place.bottom for place in self._large)])
        return Rectangle(wanted.left, lowest + MARGIN, wanted.width, wanted.height)

    def middles_in(self, part: Rectangle) -> bool:
        return any(part.holds(*place.middle) for cell in _cells_of(part) for place in self._cells.get(cell, ()))


def rectangle(raw: Mapping[str, Any]) -> Rectangle:
    """Where a stored node is, its title included. Invalid values become a place at the origin."""
    x, y = pair(raw.get("pos"), (0.0, 0.0))
    width, height = pair(raw.get("size"), (270.0, 100.0))
    if isinstance(raw.get("flags"), Mapping) and raw["flags"].get("collapsed"):
        width, height = min(width, 200.0), 0.0
    return Rectangle(x, y - TITLE_HEIGHT, max(width, 1.0), max(height, 0.0) + TITLE_HEIGHT)


def pair(stored: Any, otherwise: tuple[float, float]) -> tuple[float, float]:
    """Two numbers that a file holds as a list, or as an object with the keys "0" and "1"."""
    values = [stored.get("0"), stored.get("1")] if isinstance(stored, Mapping) else stored
    if not isinstance(values, list) or len(values) < 2:
        return otherwise
    first, second = values[:2]
    return (float(first), float(second)) if _is_length(first) and _is_length(second) else otherwise


def _is_length(value: object) -> bool:
    """Whether it is a number that can be a place or a size in pixels."""
    return isinstance(value, int | float) and abs(value) < 1e9


def _tries(wanted: Rectangle) -> Iterator[Rectangle]:
    yield wanted
    for step in range(1, MOST_TRIES):
        for right, down in ((0, 1), (1, 0), (1, 1), (0, -1), (-1, 0), (-1, 1), (1, -1), (-1, -1)):
            x = wanted.left + right * step * (wanted.width + MARGIN) / 2
            yield Rectangle(x, wanted.top + down * step * 40, wanted.width, wanted.height)
            if right == 0 and down == 1:
                yield Rectangle(x, wanted.top + step * (wanted.height + MARGIN), wanted.width, wanted.height)


def _with_margin(place: Rectangle) -> Rectangle:
    return Rectangle(place.left - MARGIN / 2, place.top - MARGIN, place.width + MARGIN, place.height + 2 * MARGIN)


def _stays_alone(grown: Rectangle, group: Rectangle, foreign: PlacedNodes) -> bool:
    return grown == group or not foreign.middles_in(grown)


def _cells_of(place: Rectangle) -> Iterator[tuple[int, int]]:
    columns = range(int(place.left // CELL), int(place.right // CELL) + 1)
    rows = range(int(place.top // CELL), int(place.bottom // CELL) + 1)
    if len(columns) * len(rows) > MOST_CELLS * 100:
        return
    yield from ((column, row) for column in columns for row in rows)
