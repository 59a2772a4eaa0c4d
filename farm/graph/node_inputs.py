"""The inputs of a node as the server's /object_info describes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

WIDGET_KINDS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "COMFY_DYNAMICCOMBO_V3", "COLOR", "MARKDOWN"}
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"  # a combo whose options bring inputs of their own, such as format.codec
SEED_NAMES = ("seed", "noise_seed")


@dataclass(frozen=True)
class NodeInput:
    """One input of a node type."""

    name: str  # as in API form; inputs that an option of a combo brings begin with the combo's name and a dot
    kind: str  # "INT", "COMBO", "MODEL", ...
    options: Mapping[str, Any]  # default, min, max, options, ...
    required: bool  # whether the server refuses a prompt without it

    @property
    def is_widget(self) -> bool:
        """Whether the canvas shows a widget that has a value, instead of a socket alone."""
        return self.options.get("widgetType", self.kind) in WIDGET_KINDS and not self.options.get("forceInput")

    @property
    def choices(self) -> list[Any] | None:
        """What a combo offers; None for other inputs and for a list that the web client loads from elsewhere."""
        if self.kind not in ("COMBO", DYNAMIC_COMBO) or "options" not in self.options:
            return None
        return [option["key"] if isinstance(option, dict) else option for option in self.options["options"]]

    @property
    def default(self) -> Any:
        """The value of a widget on a new node."""
        if "default" in self.options:
            return self.options["default"]
        if self.choices:
            return self.choices[0]
        return {"INT": 0, "FLOAT": 0, "STRING": "", "BOOLEAN": False}.get(self.kind)

    @property
    def has_control(self) -> bool:
        """Whether the canvas adds a widget that chooses the next value, such as "randomize"."""
        asked = self.options.get("control_after_generate")
        return bool(self.name in SEED_NAMES if asked is None and self.kind == "INT" else asked)


def inputs_of(info: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[NodeInput]:
    """Every input of a node with these values, in the canvas's order. `info`: its entry of /object_info.

    The inputs that the chosen option of a combo brings follow it; `values` is read as the inputs are asked for.
    """
    yield from _inputs(info["input"], info.get("input_order") or {}, values, "")


def _inputs(
    described: Mapping[str, Any], order: Mapping[str, Any], values: Mapping[str, Any], prefix: str
) -> Iterator[NodeInput]:
    for group in ("required", "optional"):
        members = described.get(group) or {}
        for name in order.get(group) or members:
            if name in members:
                yield from _one(prefix + name, members[name], values, group == "required")


def _one(name: str, spec: Any, values: Mapping[str, Any], required: bool) -> Iterator[NodeInput]:
    kind, *rest = spec if isinstance(spec, list | tuple) else [spec]
    options = rest[0] if rest and isinstance(rest[0], dict) else {}
    if isinstance(kind, list):  # a combo in the old style: its choices stand where the type does
        options, kind = {**options, "options": kind}, "COMBO"
    found = NodeInput(name, str(kind), options, required)
    yield found
    if kind == DYNAMIC_COMBO:
        chosen = values.get(name, found.default)
        brought: Mapping[str, Any] = next(
            (option["inputs"] for option in options["options"] if option["key"] == chosen), {}
        )
        yield from _inputs(brought, {}, values, f"{name}.")
