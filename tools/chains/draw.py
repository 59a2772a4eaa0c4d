"""What the inputs of the nodes are drawn with: the random numbers, and the run that they have to fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from .chain import Drawn, Node, Value

CURVED = 0.3  # how often an input that takes a curve gets one
SPLIT = (0.36, 0.46)  # of a run: with 2 to 4 steps some of them lie on either side
FEWEST_FRAMES, MOST_FRAMES = 6, 20


@dataclass(frozen=True)
class Draw:
    """Draws the inputs of one node. Equal seeds give equal values."""

    random: Random  # which everything is drawn from
    options: Callable[[str, str], list[str]]  # (node id, input id) -> the values that the input offers
    version: str  # of the motion models: "v1", "v2" or "v3"
    frames: int  # of the video
    height: int  # of the latents
    width: int  # likewise
    denoise: float  # of the chain's KSampler, 0..1
    windows: tuple[int, ...]  # the length that each Context Windows node gets
    ids: tuple[str, ...]  # of all nodes of the chain
    place: int  # of this node among them

    @property
    def id(self) -> str:
        return self.ids[self.place]

    @property
    def turn(self) -> int:
        """How many nodes of this kind come before it."""
        return self.ids[: self.place].count(self.id)

    @property
    def seen(self) -> int:
        """How many frames the model sees at once, at least."""
        return min(self.windows, default=min(self.frames, 16))

    def often(self, share: float) -> bool:
        return self.random.random() < share

    def number(self, low: float, high: float) -> float:
        return round(self.random.uniform(low, high), 2)

    def whole(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both possible."""
        return self.random.randint(low, max(low, high))

    def one_of(self, values: Sequence[Any]) -> Any:
        return self.random.choice(values)

    def seed(self) -> int:
        return self.random.randrange(2**32)

    def option(self, name: str, *without: str) -> str:
        """One of the values that the input `name` offers."""
        return str(self.one_of([each for each in self.options(self.id, name) if each not in without]))

    def part(self) -> dict[str, float]:
        """A part of the run with a step in it, as start_percent and end_percent."""
        middle = self.percent(self.number(*SPLIT))
        start, end = self.one_of([(0.0, 1.0), (0.0, 1.0), (0.0, middle), (middle, 1.0)])
        return {"start_percent": start, "end_percent": end}

    def percent(self, share: float) -> float:
        """The percent of the whole run after a `share` of the steps that `denoise` leaves of it."""
        return round(1 - self.denoise + self.denoise * share, 3)

    def mask(self, count: int = 1) -> Drawn:
        size = self.one_of([1, 8])  # as large as the latents, or as the pictures
        return Drawn("mask", count, self.height * size, self.width * size, self.seed())

    def value(self, low: float, high: float, blocks: bool = False) -> Value:
        """A number from `low` to `high`, or a curve between them; over blocks, too, if `blocks`."""
        return self.curve(low, high, blocks) if self.often(CURVED) else self.number(low, high)

    def curve(self, low: float, high: float, blocks: bool = False) -> Node:
        """A curve between `low` and `high` that is not the same everywhere."""
        from .curves import draw_curve

        return draw_curve(self, low, high, blocks)
