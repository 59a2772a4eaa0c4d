"""Which model files a graph uses, and how much work it is: what the order of jobs depends on."""

from collections.abc import Mapping
from typing import Any

from .places import Places
from .workflow_file import Graph

Listing = Mapping[str, Mapping[str, int]]  # {folder of models: {file: bytes}}


class ModelUse:
    """Finds the model files among the choices of a graph's combos."""

    def __init__(self, graph: Graph, places: Places, listing: Listing) -> None:
        self._folders: dict[str, list[str]] = {}
        for folder, files in listing.items():
            for name in files:
                self._folders.setdefault(name, []).append(folder)
        self._used = {
            (node_id, name): found
            for node_id, node in graph.items()
            for name, part in places.inputs(node_id).items()
            if part.kind == "COMBO" and (found := self.files(node["inputs"].get(name)))
        }

    def files(self, value: Any) -> tuple[str, ...]:
        """ "folder/name" of each model file that a combo's value can be."""
        if not isinstance(value, str):
            return ()
        return tuple(f"{folder}/{value}" for folder in self._folders.get(value, []))

    def of(self, changed: Mapping[tuple[str, str], Any]) -> tuple[str, ...]:
        """The files of the graph with these inputs changed, {(node id, input): value}, sorted."""
        used = dict(self._used)
        for place, value in changed.items():
            if place in used:
                used[place] = self.files(value)
        return tuple(sorted({file for files in used.values() for file in files}))


def cost(graph: Graph) -> float:
    """Frames × pixels × steps of a graph, as far as its inputs tell; only the order of jobs depends on it."""
    pixels, steps = 0.0, 0.0
    for node in graph.values():
        inputs = node["inputs"]
        if all(type(inputs.get(name)) is int for name in ("width", "height")):
            frames = max(_whole(inputs, name) for name in ("batch_size", "length", "frames", "frame_count"))
            pixels = max(pixels, float(inputs["width"] * inputs["height"] * frames))
        steps += _whole(inputs, "steps") if "steps" in inputs else 0
    return max(pixels, 1.0) * max(steps, 1.0)


def _whole(inputs: Mapping[str, Any], name: str) -> int:
    value = inputs.get(name)
    return value if type(value) is int and value > 0 else 1
