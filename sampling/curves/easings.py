"""How a value turns into the next: easings, functions from 0..1 to 0..1."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Easing:
    """One way from a value to the next."""

    curve: Callable[[float], float]  # from the share of the way (0..1) to that of the change (0..1)
    words: str  # for the help page


EASINGS: dict[str, Easing] = {
    "linear": Easing(curve=lambda t: t, words="The change has the same speed throughout."),
    "ease in": Easing(curve=lambda t: t * t, words="The change begins slowly and becomes faster."),
    "ease out": Easing(curve=lambda t: 1 - (1 - t) ** 2, words="The change begins fast and becomes slower."),
    "ease in and out": Easing(
        curve=lambda t: (1 - math.cos(math.pi * t)) / 2,
        words="The change begins and ends slowly and is fastest in the middle.",
    ),
}

WAYS: dict[str, Easing] = {
    **EASINGS,
    "hold": Easing(curve=lambda t: 0.0, words="The value stays the same until the next one is reached."),
}
"""The easings of curves; "hold" jumps when the next value is reached."""
