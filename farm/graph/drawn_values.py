"""The widgets of a node that the canvas saved, by name: the file has their values only, in the order of the node's inputs."""

import re
from collections.abc import Mapping
from typing import Any

from .node_inputs import inputs_of

COMMENTS = re.compile(r"/\*[\s\S]*?\*/|//.*")
ESCAPED = re.compile(r"\\([{}|])")
CHOICE = re.compile(r"(?<!\\)\{")
CONTROLS = {"fixed", "increment", "decrement", "randomize", "increment-wrap", True, False}


class RandomText(ValueError):
    """A text of which the canvas chooses another part each time, such as {red|blue} fish."""


def widget_values(node: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, Any]:
    """{input: value}, as the canvas queues them. `info`: the node's entry of /object_info.

    Widgets that the file lacks have their defaults. Raises RandomText.
    """
    saved = node.get("widgets_values") or []
    named = saved if isinstance(saved, dict) else _by_order(saved, info)
    values: dict[str, Any] = dict(named)
    found = {}
    for part in inputs_of(info, values):
        if part.is_widget:
            value = values.get(part.name)
            value = part.default if value is None else value
            values[part.name] = value
            found[part.name] = _queued(value, bool(part.options.get("dynamicPrompts")))
    return found


def _by_order(saved: list[Any], info: Mapping[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    rest = list(saved)
    for part in inputs_of(info, named):
        if part.is_widget and rest:
            named[part.name] = rest.pop(0)
            if part.has_control and rest and _is_control(rest[0]):
                rest.pop(0)
                if part.kind == "COMBO" and rest:  # and the text that filters its choices
                    rest.pop(0)
    return named


def _is_control(value: Any) -> bool:
    return isinstance(value, str | bool) and value in CONTROLS


def _queued(value: Any, is_dynamic: bool) -> Any:
    if isinstance(value, str) and is_dynamic:
        text = COMMENTS.sub("", value)
        if CHOICE.search(text):
            raise RandomText(f'the text "{value[:60]}" has a random choice in braces')
        return ESCAPED.sub(r"\1", text)
    # A list would be read as a link.
    return {"__value__": value} if isinstance(value, list) else value
