"""Names for the values that a canvas stores by position.

The number of values and their types tell the version of AnimateDiff-Evolved that wrote them: 5 values of Sample Settings
end in a seed, or in a switch. Values after the last name belong to the canvas itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .node_definitions import EvolvedNode


def named_values(definition: EvolvedNode, stored: Any) -> dict[str, Any]:
    """The values of `stored`, `widgets_values` of a file, by the names of today; unknown and missing ones left out."""
    if isinstance(stored, Mapping):
        names = {definition.renamed.get(name, name): value for name, value in stored.items() if isinstance(name, str)}
        return {name: value for name, value in names.items() if name in definition.widgets}
    if not isinstance(stored, Sequence) or isinstance(stored, str):
        return {}
    values = list(stored)
    while values and values[-1] == "" and len(values) > _shortest_text(definition):
        values.pop()  # of a widget that only sizes the node
    order = _order(definition, values)
    return {name: value for name, value in zip(order, values, strict=False) if name in definition.widgets}


def _order(definition: EvolvedNode, values: Sequence[Any]) -> tuple[str, ...]:
    orders = (tuple(definition.widgets), *definition.older_orders)
    fitting = [order for order in orders if _fits(definition, order, values)] or [orders[0]]
    return min(fitting, key=lambda order: abs(len(order) - len(values)))


def _fits(definition: EvolvedNode, order: Sequence[str], values: Sequence[Any]) -> bool:
    pairs = zip(order, values, strict=False)
    return all(_is_like(definition.widgets.get(name), value) for name, value in pairs if name in definition.widgets)


def _is_like(default: Any, value: Any) -> bool:
    if value is None or default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    return isinstance(value, str) == isinstance(default, str)


def _shortest_text(definition: EvolvedNode) -> int:
    """The smallest number of values, where the text at the end may be missing because it is empty."""
    texts = [number for number, default in enumerate(definition.widgets.values(), 1) if isinstance(default, str)]
    return min((number for number in texts if list(definition.widgets.values())[number - 1] == ""), default=0)
