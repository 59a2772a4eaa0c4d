"""Files that a converted workflow names and that this ComfyUI has under another name: in a subfolder, or with another
ending."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any

from ..convert.definitions.node_definitions import target_nodes
from ..convert.graph.ui_form import is_ui_form, subgraphs
from ..convert.needed_files import FILE_INPUTS
from ..convert.report import NeededFile

PresentFiles = Callable[[str], Sequence[str]]  # the names of the files in a folder of models


@dataclass(frozen=True)
class Resolved:
    """A workflow whose files are there, as far as they are there at all."""

    workflow: Any  # in the form in which it came
    said: tuple[str, ...]  # what is taken for what


def with_present_files(workflow: Any, present: PresentFiles) -> Resolved:
    """`workflow`, in either form, with the names under which this ComfyUI has its motion files."""
    resolved = deepcopy(workflow)
    said = {}
    for kind, values, place in _file_widgets(resolved):
        _, folder = FILE_INPUTS[kind]
        name = values[place]
        found = _match(name, present(folder)) if isinstance(name, str) else None
        if found is not None:
            values[place] = found
            said[name] = f"{name} was not found; {found} is used instead."
    return Resolved(resolved, tuple(said.values()))


def missing_files(files: Iterable[NeededFile], present: PresentFiles) -> tuple[NeededFile, ...]:
    """Those of `files` that are not here under any name."""
    return tuple(file for file in files if not any(_stem(name) == _stem(file.name) for name in present(file.folder)))


def _match(name: str, names: Sequence[str]) -> str | None:
    """The first file of the same name elsewhere; None where `name` itself is there, or nothing is."""
    if name in names:
        return None
    return next((other for other in names if _stem(other) == _stem(name)), None)


def _stem(name: str) -> str:
    return PureWindowsPath(name).stem.lower()  # which knows both kinds of slashes


def _file_widgets(workflow: Any) -> Iterator[tuple[str, Any, Any]]:
    """The class of a node, its values, and the place of the file among them."""
    if not is_ui_form(workflow):
        for node in workflow.values():
            widget, _ = FILE_INPUTS.get(node["class_type"], ("", ""))
            if widget in node.get("inputs", {}):
                yield node["class_type"], node["inputs"], widget
        return
    for graph in (workflow, *subgraphs(workflow)):
        for node in graph["nodes"]:
            if isinstance(node, Mapping) and node.get("type") in FILE_INPUTS:
                place = _place(node["type"])
                values = node.get("widgets_values")
                if isinstance(values, list) and place < len(values):
                    yield node["type"], values, place


def _place(kind: str) -> int:
    widgets = [entry.name for entry in target_nodes()[kind].inputs.values() if entry.widget]
    return widgets.index(FILE_INPUTS[kind][0])
