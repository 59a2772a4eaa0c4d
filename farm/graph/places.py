"""The places of a workflow that jobs fill: an input, named by its node's title ("Prompt.text") or id ("#12.text")."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .node_inputs import NodeInput, inputs_of
from .workflow_file import Graph


class NoPlace(ValueError):
    """A name that matches no place of the workflow, or several."""


@dataclass(frozen=True)
class Place:
    """One input of one node."""

    node_id: str  # in API form
    input: NodeInput  # what the server says about the input


class Places:
    """All places of a graph. `find` gives one by its name or raises NoPlace."""

    def __init__(self, graph: Graph, object_info: Mapping[str, Any]) -> None:
        self._graph = graph
        self._info = object_info
        self._ids: dict[str, list[str]] = {}
        for node_id, node in graph.items():
            title = (node.get("_meta") or {}).get("title") or node["class_type"]
            self._ids.setdefault(title, []).append(node_id)
        self.find = lru_cache(maxsize=None)(self._find)

    def inputs(self, node_id: str) -> dict[str, NodeInput]:
        """The inputs of a node by their names, as its own values have them."""
        node = self._graph[node_id]
        return {part.name: part for part in inputs_of(self._info[node["class_type"]], node["inputs"])}

    def _find(self, name: str) -> Place:
        found = [
            (node_id, name[dot + 1 :])
            for dot in range(len(name))
            if name[dot] == "."
            for node_id in self._nodes(name[:dot])
        ]
        places = [Place(node_id, part) for node_id, text in found if (part := self.inputs(node_id).get(text))]
        if len(places) == 1:
            return places[0]
        if places:
            ids = ", ".join(f"#{place.node_id}" for place in places)
            raise NoPlace(
                f'"{name}" fits {len(places)} nodes ({ids}): name one by its id, such as '
                f'"{ids.split(",")[0]}.{places[0].input.name}"'
            )
        if "." not in name:
            raise NoPlace(
                f'"{name}" names no input: write a title or id, a dot and the name of an input, as in "#12.text"'
            )
        if not found:
            raise NoPlace(
                f'"{name}": no node has the title or id "{name.partition(".")[0]}"; the titles are {self._titles()}'
            )
        node_id, text = found[0]
        raise NoPlace(
            f'"{name}": node #{node_id} has no input "{text}"; its inputs: {", ".join(self.inputs(node_id)) or "none"}'
        )

    def _nodes(self, text: str) -> list[str]:
        if text.startswith("#"):
            return [text[1:]] if text[1:] in self._graph else []
        return self._ids.get(text, [])

    def _titles(self) -> str:
        return ", ".join(f'"{title}"' for title in sorted(self._ids))
