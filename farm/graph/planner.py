"""The jobs checked against the servers: all that is wrong is said at once, before anything runs."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from .checked_value import checked, takes_files
from .identity import job_key
from .job import Job, LocalFile, Setting, filled
from .job_lines import JobLine
from .model_use import Listing, ModelUse, cost
from .places import NoPlace, Place, Places
from .refused import Refused
from .workflow_file import EXPORT, Graph, is_link

MAX_ERRORS = 200  # that are listed; more are counted


@dataclass(frozen=True)
class Ground:
    """What the jobs are checked against and identified by: what the servers have in common."""

    object_info: Mapping[str, Any]  # of the first server: {node type: inputs and outputs}
    listing: Listing  # of model files
    model_fact: Callable[[str], Any]  # of "folder/name": size and, where known, sha256
    host: Any  # version and node types, see `identity.node_facts`
    max_upload: int  # bytes that every server takes
    folder: Path  # that relative paths of files start from


class Planner:
    """Turns lines of the jobs file into jobs. Raises Refused when the workflow itself cannot run."""

    def __init__(self, graph: Graph, ground: Ground) -> None:
        self._graph = graph
        self._ground = ground
        if errors := list(_wrong_nodes(graph, ground.object_info)):
            raise Refused(errors)
        self._places = Places(graph, ground.object_info)
        self._use = ModelUse(graph, self._places, ground.listing)
        self._hash = lru_cache(maxsize=None)(_sha256)

    def jobs(self, lines: Sequence[JobLine]) -> list[Job]:
        """Raises Refused with every error of every line, and of the values that the workflow has itself."""
        jobs, errors = [], []
        set_by_all: set[tuple[str, str]] | None = None
        for line in lines:
            changes, own, wrong = self._changes(line)
            errors += wrong
            set_by_all = own if set_by_all is None else set_by_all & own
            if not wrong:
                jobs.append(self._job(line, tuple(changes)))
        # Each once: the jobs of one line often have the same error.
        errors = [*dict.fromkeys([*self._wrong_values(set_by_all or set()), *errors])]
        if errors:
            more = [f"and {len(errors) - MAX_ERRORS} more"] if len(errors) > MAX_ERRORS else []
            raise Refused([*errors[:MAX_ERRORS], *more])
        return jobs

    def _changes(self, line: JobLine) -> tuple[list[Setting], set[tuple[str, str]], list[str]]:
        """What a line sets, the places that it names, and what is wrong with it."""
        changes, errors = [], []
        named: set[tuple[str, str]] = set()
        for name, value in line.values.items():
            try:
                place = self._places.find(name)
                named.add((place.node_id, place.input.name))
                changes.append(Setting(place.node_id, place.input.name, self._value(place, value, line.is_text)))
            except NoPlace as error:
                errors.append(f"line {line.line}: {error}")
            except ValueError as error:
                errors.append(f"line {line.line}: {name}: {error}")
        return changes, named, errors

    def _value(self, place: Place, value: Any, is_text: bool) -> Any:
        if isinstance(value, dict) and value.keys() == {"file"}:
            return self._file(place, str(value["file"]))
        return checked(place.input, value, is_text)

    def _file(self, place: Place, name: str) -> LocalFile:
        path = (self._ground.folder / name).resolve()
        if not takes_files(place.input):
            raise ValueError(f"the type of the input is {place.input.kind}, so it cannot take the file {name}")
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        size = path.stat().st_size
        if size > self._ground.max_upload:
            raise ValueError(
                f"{name} is {size} bytes, but a server accepts uploads of at most {self._ground.max_upload} bytes: start "
                "the server with a larger --max-upload-size"
            )
        return LocalFile(path, self._hash(path, path.stat().st_mtime_ns))

    def _job(self, line: JobLine, changes: tuple[Setting, ...]) -> Job:
        graph = filled(self._graph, changes)
        models = self._use.of({(change.node_id, change.input): change.value for change in changes})
        facts = {name: self._ground.model_fact(name) for name in models}
        key = job_key(graph, self._ground.host, facts)
        return Job(line.id, line.line, changes, line.tags, line.priority, key, models, cost(graph))

    def _wrong_values(self, replaced: set[tuple[str, str]]) -> Iterator[str]:
        """What the workflow itself chooses that the server does not have, apart from the places that all jobs fill."""
        for node_id, node in self._graph.items():
            for name, part in self._places.inputs(node_id).items():
                value = node["inputs"].get(name)
                if value is None or is_link(value) or part.choices is None or (node_id, name) in replaced:
                    continue
                try:
                    checked(part, value, is_text=False)
                except ValueError as error:
                    yield f"the workflow's node #{node_id} ({node['class_type']}): {name}: {error}"


def _wrong_nodes(graph: Graph, object_info: Mapping[str, Any]) -> Iterator[str]:
    for node_id, node in graph.items():
        kind = node["class_type"]
        if kind not in object_info:
            yield f'the server has no node "{kind}" (#{node_id}): install the pack of this node on the server'
        lost = [name for name, value in node["inputs"].items() if is_link(value) and value[0] not in graph]
        for name in lost:
            yield f"node #{node_id} ({kind}): {name} is connected to a node that the workflow does not contain. {EXPORT} again"
    if not any(object_info.get(node["class_type"], {}).get("output_node") for node in graph.values()):
        yield "the workflow has no node that saves or shows a result: add one, such as Save Video"


def without_files(graph: Graph, object_info: Mapping[str, Any]) -> list[str]:
    """Output nodes whose results no server hands out, since they name no file to their user interface."""
    return [
        f"#{node_id} ({node['class_type']})"
        for node_id, node in graph.items()
        if object_info[node["class_type"]].get("output_node") and node["class_type"] in NO_FILES
    ]


NO_FILES = {
    *("CheckpointSave", "CLIPSave", "VAESave", "ModelSave", "ImageOnlyCheckpointSave", "LoraSave", "SaveLoRA"),
    *("SaveTrainingDataset", "SaveImageDataSetToFolder", "SaveImageTextDataSetToFolder", "PreviewAny"),
}
"""Of the host. Nodes of other packs are known after the first job."""


def _sha256(path: Path, changed: int) -> str:
    """`changed`: when, in nanoseconds, so that a cache notices."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _read(file)


def _read(file: Any) -> str:
    digest = hashlib.sha256()
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest()
