"""How a value turns into the next: easings, functions from 0..1 to 0..1."""

import math
from collections.abc import Callable

EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda t: t,
    "ease in": lambda t: t * t,
    "ease out": lambda t: 1 - (1 - t) ** 2,
    "ease in and out": lambda t: (1 - math.cos(math.pi * t)) / 2,
}

WAYS: dict[str, Callable[[float], float]] = {**EASINGS, "hold": lambda t: 0.0}
"""The easings of curves; "hold" jumps when the next value is reached."""
