"""The nodes of a host, from what its server says of them at /object_info."""

from collections.abc import Iterator, Mapping
from typing import Any

from kinema.convert.definitions.node_definitions import TargetInput, TargetNode

from ..help.converter import WIDGETS

DYNAMIC = "COMFY_DYNAMICCOMBO_V3"  # a combo whose options bring inputs of their own


def described_nodes(info: Mapping[str, Any]) -> dict[str, TargetNode]:
    """All nodes by class name."""
    return {name: _node(name, described) for name, described in info.items()}


def _node(name: str, described: Mapping[str, Any]) -> TargetNode:
    inputs = {entry.name: entry for entry in _inputs(described)}
    kinds = [kind if isinstance(kind, str) else "COMBO" for kind in described["output"]]
    return TargetNode(name, described["display_name"], inputs, tuple(zip(described["output_name"], kinds, strict=True)))


def _inputs(described: Mapping[str, Any]) -> Iterator[TargetInput]:
    """In the order in which the canvas stores values: required ones first."""
    for part in ("required", "optional"):
        offered = described["input"].get(part, {})
        for name in described["input_order"].get(part, offered):
            yield _input(name, *offered[name], is_optional=part == "optional")


def _input(name: str, kind: Any, options: Any = None, *, is_optional: bool) -> TargetInput:
    chosen = options if isinstance(options, Mapping) else {}
    is_combo = isinstance(kind, list) or kind == DYNAMIC
    choices = kind if isinstance(kind, list) else chosen.get("options")
    is_widget = (is_combo or chosen.get("widgetType", kind) in WIDGETS) and not chosen.get("forceInput")
    return TargetInput(
        name,
        "COMBO" if is_combo else str(kind),
        optional=is_optional,
        widget=is_widget,
        default=chosen.get("default"),
        min=chosen.get("min"),
        max=chosen.get("max"),
        options=_names(choices) if isinstance(choices, list) and is_widget else None,
        after="fixed" if chosen.get("control_after_generate") else None,
    )


def _names(choices: list[Any]) -> tuple[Any, ...]:
    return tuple(choice["key"] if isinstance(choice, Mapping) else choice for choice in choices)
