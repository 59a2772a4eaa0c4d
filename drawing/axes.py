"""The area of a plot: where values lie in it, its rules and the numbers beside them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .canvas import PALE, RULE, Box, Canvas, Point


@dataclass(frozen=True)
class Axes:
    """Draws values over numbers from 0 to `last`."""

    canvas: Canvas  # what they are drawn on
    box: Box  # the area of the lines; numbers stand at its left and below it
    last: float  # the number at the right edge
    ticks: Sequence[float]  # the values that are written, from the bottom edge to the top one

    def at(self, number: float, value: float) -> Point:
        left, top, right, bottom = self.box
        across = number / self.last if self.last else 0.5
        up = (value - self.ticks[0]) / (self.ticks[-1] - self.ticks[0])
        return left + (right - left) * across, bottom - (bottom - top) * up

    def rule(self, numbers: Iterable[int]) -> None:
        """A line at each tick, and the `numbers` below."""
        left, _, right, bottom = self.box
        for tick in self.ticks:
            y = self.at(0, tick)[1]
            self.canvas.line([(left, y), (right, y)], RULE)
            self.canvas.text((left - 8, y), f"{tick:g}", PALE, anchor="rm")
        for number in numbers:
            self.canvas.text((self.at(number, self.ticks[0])[0], bottom + 12), str(number), PALE, anchor="mm")

    def curve(self, points: Sequence[Point], colour: str, width: float = 2) -> None:
        """A line through `points`, each a number and its value."""
        self.canvas.line([self.at(number, value) for number, value in points], colour, width)


def ticks_around(values: Iterable[float]) -> list[float]:
    """Two to six round numbers that enclose `values`."""
    known = list(values)
    low = min(known)
    high = max(known)
    spread = max(high - low, 1e-3 * abs(high), 1e-3)
    step = round_step(spread, 4)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return [round(i * step, 10) for i in range(first, last + 1)]


def round_step(spread: float, most: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is in `spread` no more than `most` times."""
    power = 10.0 ** math.floor(math.log10(spread / most))
    return next(power * factor for factor in (1, 2, 5, 10) if spread / (power * factor) <= most)


def evenly(last: int, count: int) -> list[int]:
    """`count` whole numbers from 0 to `last`, or all that there are."""
    return sorted({round(last * i / (count - 1)) for i in range(count)})
