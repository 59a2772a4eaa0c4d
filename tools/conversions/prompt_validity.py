"""The same for prompts, the form in which scripts post workflows."""

from collections.abc import Iterator, Mapping
from typing import Any

from kinema.convert.definitions.node_definitions import TargetNode

from .replaced import empty_types_of_prompt, may_go
from .values import input_problems

Raw = Mapping[str, Any]


def prompt_problems(before: Raw, after: Raw, known: Mapping[str, TargetNode]) -> Iterator[str]:
    """All that is wrong with the prompt `after`, converted from `before`, on a host that has the nodes `known`."""
    kept = {number for number in after if number in before and _kind(before[number]) == _kind(after[number])}
    for number in before.keys() - kept:
        if not may_go({"type": _kind(before[number])}):
            yield f"{_kind(before[number])} {number} is gone"
    for number in kept:
        yield from _changes(number, before, after, kept)
    empty = empty_types_of_prompt(before[number] for number in before.keys() - kept)
    for number in after.keys() - kept:
        node = after[number]
        if _kind(node) not in known:
            yield f"{_kind(node)} {number}: this host has no such node"
            continue
        links = {name: value for name, value in node["inputs"].items() if _is_link(value)}
        loose = [name for name, value in links.items() if value[0] not in after]
        yield from (f"{_kind(node)} {number}: {name} is linked to nothing" for name in loose)
        kinds = {
            name: _output_type(after[value[0]], value[1], known) for name, value in links.items() if name not in loose
        }
        given = {name: value for name, value in node["inputs"].items() if name not in links}
        found = input_problems(known[_kind(node)], kinds, given, empty)
        yield from (f"{_kind(node)} {number}: {text}" for text in found)


def _changes(number: str, before: Raw, after: Raw, kept: set[str]) -> Iterator[str]:
    """What changed in a node that stays, other than links to what was converted."""
    old = before[number]
    new = after[number]
    if {**old, "inputs": None} != {**new, "inputs": None}:
        yield f"{_kind(old)} {number} changed"
    inputs = old.get("inputs") or {}
    for name in inputs.keys() | new["inputs"].keys():
        value = inputs.get(name)
        converted = isinstance(value, list) and _is_link(value) and value[0] in before and value[0] not in kept
        if value != new["inputs"].get(name) and not converted:
            yield f"{name} of {_kind(old)} {number} changed"


def _kind(node: Raw) -> str:
    return str(node["class_type"])


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[1], int)


def _output_type(node: Raw, slot: int, known: Mapping[str, TargetNode]) -> str:
    kind = _kind(node)
    return known[kind].outputs[slot][1] if kind in known and slot < len(known[kind].outputs) else "*"
