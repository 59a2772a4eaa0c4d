"""One job, ready to run: what it changes in the workflow, and what identifies its result."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .workflow_file import Graph

UPLOAD_FOLDER = "kinema-farm"  # of the server's input files, and of what it saves


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine that a job names."""

    path: Path  # absolute
    sha256: str  # of the content, in hexadecimal

    @property
    def name_on_server(self) -> str:
        """By content, so that a file that several jobs name is uploaded once, and no other is overwritten."""
        return f"{self.sha256[:32]}{self.path.suffix.lower()}"


@dataclass(frozen=True, slots=True)
class Setting:
    """One input of one node that a job sets."""

    node_id: str  # in API form
    input: str  # its name in API form
    value: Any  # of the input's type, or a LocalFile


@dataclass(frozen=True, slots=True)
class Job:
    """One job of the farm."""

    id: str  # can name a folder
    line: int  # of the jobs file
    changes: tuple[Setting, ...]  # what it sets, in the order of the jobs file
    tags: tuple[str, ...]  # "name" or "name=value"
    priority: int  # higher ones run first
    key: str  # sha256 of everything that determines the result
    models: tuple[str, ...]  # "folder/name" of the model files
    cost: float  # frames × pixels × steps, for the order only

    @property
    def files(self) -> tuple[LocalFile, ...]:
        return tuple(change.value for change in self.changes if isinstance(change.value, LocalFile))


def filled(graph: Graph, changes: tuple[Setting, ...]) -> Graph:
    """The workflow with a job's values; files are named as the server will have them. Nodes without changes are shared."""
    made = dict(graph)
    for change in changes:
        node = made[change.node_id]
        value = change.value
        if isinstance(value, LocalFile):
            value = f"{UPLOAD_FOLDER}/{value.name_on_server}"
        made[change.node_id] = {**node, "inputs": {**node["inputs"], change.input: value}}
    return made


def with_prefix(graph: Graph, prefix: str) -> Graph:
    """The graph with a `filename_prefix` of its own in every node that has one: servers that share an output folder number
    files of one prefix against each other."""
    made = dict(graph)
    for node_id, node in graph.items():
        if "filename_prefix" in node["inputs"]:
            given = node["inputs"]["filename_prefix"]
            name = "".join(letter for letter in str(given).split("/")[-1] if letter.isalnum() or letter in "_-")
            inputs = {**node["inputs"], "filename_prefix": f"{prefix}/{name[:40] or 'result'}"}
            made[node_id] = {**node, "inputs": inputs}
    return made


def without_notes(graph: Graph) -> dict[str, Mapping[str, Any]]:
    """What a result depends on: class types and inputs, without titles and what a server adds."""
    return {
        node_id: {"class_type": node["class_type"], "inputs": node["inputs"]} for node_id, node in sorted(graph.items())
    }
