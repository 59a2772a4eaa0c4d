"""The nodes that the converter reads and writes, from the JSON files of this folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

SOURCES = ("kinema.json", "host.json")


@dataclass(frozen=True)
class EvolvedNode:
    """A node of AnimateDiff-Evolved (ADE)."""

    widgets: Mapping[str, Any]  # name: default, in the order of today; None for a file
    sockets: Mapping[str, str]  # name: type, with a question mark where optional
    outputs: tuple[str, ...]  # types
    older_orders: tuple[tuple[str, ...], ...] = ()  # names of widgets_values in older versions
    absent: Mapping[str, Any] = field(default_factory=dict)  # values of inputs that an API prompt leaves out
    renamed: Mapping[str, str] = field(default_factory=dict)  # old names of inputs: names of today

    def is_required(self, socket: str) -> bool:
        return socket in self.sockets and not self.sockets[socket].endswith("?")

    def type_of(self, name: str) -> str:
        return self.sockets.get(name, "").rstrip("?")


@dataclass(frozen=True)
class TargetInput:
    """An input of a node that the converter writes."""

    name: str  # its id
    type: str  # as the host names it: "MODEL", "FLOAT,KINEMA_CURVE", "COMBO"
    optional: bool = False  # whether the host runs the node without it
    widget: bool = False  # whether the canvas shows it as a widget
    default: Any = None  # of the widget
    min: float | None = None  # the smallest number allowed
    max: float | None = None  # the largest number allowed
    options: tuple[str, ...] | None = None  # of a combo; None where they depend on files or on the host
    after: str | None = None  # the value that the canvas stores behind a seed


@dataclass(frozen=True)
class TargetNode:
    """A node that the converter writes: Kinema's, or the host's own."""

    type: str  # class name
    title: str  # display name
    inputs: Mapping[str, TargetInput]  # in the order of the canvas
    outputs: tuple[tuple[str, str], ...]  # names and types

    def slot(self, kind: str) -> int:
        """The first output of the type `kind`."""
        return [output for _, output in self.outputs].index(kind)


@cache
def evolved_nodes() -> Mapping[str, EvolvedNode]:
    """All 145 classes of ADE 1.5.7, by class name."""
    return {name: _evolved(entry) for name, entry in _read("animatediff_evolved.json").items()}


@cache
def target_nodes() -> Mapping[str, TargetNode]:
    """The nodes that the converter may write, by class name."""
    read = {name: entry for source in SOURCES for name, entry in _read(source).items()}
    return {name: _target(name, entry) for name, entry in read.items()}


@cache
def host_names() -> frozenset[str]:
    """The classes of the host's own nodes, of all versions that Kinema supports."""
    names: list[str] = _read("host_names.json")
    return frozenset(names)


def _evolved(entry: Mapping[str, Any]) -> EvolvedNode:
    return EvolvedNode(
        widgets=entry["widgets"],
        sockets=entry["sockets"],
        outputs=tuple(entry["outputs"]),
        older_orders=tuple(tuple(order) for order in entry.get("older_orders", ())),
        absent=entry.get("absent", {}),
        renamed=entry.get("renamed", {}),
    )


def _target(name: str, entry: Mapping[str, Any]) -> TargetNode:
    inputs = {key: _input(key, described) for key, described in entry["inputs"].items()}
    outputs = tuple((label, kind) for label, kind in entry["outputs"])
    return TargetNode(name, entry["title"] or name, inputs, outputs)


def _input(name: str, described: Mapping[str, Any]) -> TargetInput:
    options = described.get("options")
    return TargetInput(**{**described, "name": name, "options": None if options is None else tuple(options)})


def _read(name: str) -> Any:
    return json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
