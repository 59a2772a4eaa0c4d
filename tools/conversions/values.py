"""Whether the inputs of a node that the converter wrote are what a host takes."""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from kinema.convert.definitions.node_definitions import TargetInput, TargetNode, target_nodes


def input_problems(
    node: TargetNode, linked: Mapping[str, str], given: Mapping[str, Any], may_be_empty: frozenset[str]
) -> Iterator[str]:
    """What is wrong with the inputs of `node`.

    Args:
        node: As a host describes it.
        linked: The types of what is linked, by input.
        given: The values of the other inputs.
        may_be_empty: Types of sockets that were empty before, so that they may still be.
    """
    for name in (*linked, *given):
        if name not in node.inputs:
            yield f"there is no input {name}"
    for entry in node.inputs.values():
        if entry.name in linked:
            if not fits(linked[entry.name], entry.type):
                yield f"{entry.name} takes {entry.type} and gets {linked[entry.name]}"
        elif entry.name in given:
            if entry.widget:
                yield from _value_problems(node.type, entry, given[entry.name])
            else:
                yield f"{entry.name} is not a widget, but has the value {given[entry.name]!r}"
        elif not entry.optional and (entry.widget or entry.type not in may_be_empty):
            yield f"{entry.name} is required, and has neither a link nor a value"


def fits(kind: str, wanted: str) -> bool:
    """Whether an output of the type `kind` may be linked to an input of the type `wanted`; either may list several."""
    return "*" in (kind, wanted) or not {*kind.split(",")}.isdisjoint(wanted.split(","))


def _value_problems(node: str, entry: TargetInput, value: Any) -> Iterator[str]:
    kind = entry.type.split(",")[0]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fitting = {
        "INT": is_number and isinstance(value, int),
        "FLOAT": is_number,
        "BOOLEAN": isinstance(value, bool),
        "STRING": isinstance(value, str),
        "COMBO": isinstance(value, str),
    }
    if not fitting[kind]:
        yield f"{entry.name} is {value!r}, not of the type {kind}"
    elif is_number:
        low = entry.min if entry.min is not None else value
        high = entry.max if entry.max is not None else value
        if not isfinite(value) or not low <= value <= high:
            yield f"{entry.name} is {value}, but must be from {entry.min} to {entry.max}"
    elif kind == "COMBO" and not _lists_files(node, entry.name) and value not in (entry.options or (value,)):
        yield f"{entry.name} is {value!r}, which is not an option"


def _lists_files(node: str, name: str) -> bool:
    """Whether the options of a combo are files of the machine."""
    return node in target_nodes() and target_nodes()[node].inputs[name].options is None
