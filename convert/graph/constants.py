"""Nodes whose only output is a number or a text that they store."""

from .workflow_graph import GraphNode

PRIMITIVES = frozenset(["PrimitiveNode", "PrimitiveInt", "PrimitiveFloat"])
"""The host's own. They only serve what they feed."""

PLACES = {  # class: the number of the value among those that the canvas stores, and its name in a prompt
    **dict.fromkeys(PRIMITIVES, (0, "value")),
    **dict.fromkeys(["INTConstant", "FloatConstant", "easy int", "easy float"], (0, "value")),
    **dict.fromkeys(["ImpactInt", "ImpactFloat", "JWInteger", "JWFloat"], (0, "value")),
    **dict.fromkeys(["Integer", "Float"], (0, "Value")),
    "Int Literal": (0, "int"),
    "Float Literal": (0, "float"),
    "Constant Number": (1, "number"),
}


def constant_value(node: GraphNode) -> bool | int | float | str | None:
    """What `node` gives, as far as it is one of these nodes."""
    if node.type not in PLACES:
        return None
    number, name = PLACES[node.type]
    if isinstance(node.values, dict):
        stored = node.values.get(name)
    else:
        stored = node.values[number] if isinstance(node.values, list) and number < len(node.values) else None
    return stored if isinstance(stored, bool | int | float | str) else None
