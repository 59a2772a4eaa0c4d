"""What the converter of `convert/` knows about Kinema's nodes: their inputs and outputs, as data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ..environment import REPOSITORY

CONVERTER_NODES = REPOSITORY / "convert" / "definitions" / "kinema.json"
OF_THE_MACHINE = frozenset(["motion_model", "lora", "sparsectrl", "cameractrl", "folder", "scheduler", "controlnet"])
"""Combos whose options depend on the files or on the version of the host."""
WIDGETS = frozenset(["INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"])
LIMITS = ("default", "min", "max")


def converter_text(schemas: Iterable[Any]) -> str:
    """The file CONVERTER_NODES, with one node on each line."""
    rows = (f"  {json.dumps(schema.node_id)}: {json.dumps(_described(schema))}" for schema in schemas)
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _described(schema: Any) -> dict[str, Any]:
    inputs = sorted(schema.inputs, key=lambda entry: bool(entry.optional))  # as the canvas orders them
    outputs = [
        [output.display_name or output.id or output.get_io_type(), output.get_io_type()] for output in schema.outputs
    ]
    return {
        "title": schema.display_name,
        "inputs": {
            entry.id: _input(entry.id, entry.get_io_type(), entry.as_dict(), entry.optional) for entry in inputs
        },
        "outputs": outputs,
    }


def _input(name: str, kind: str, options: dict[str, Any], optional: bool) -> dict[str, Any]:
    described: dict[str, Any] = {"type": kind}
    if optional:
        described["optional"] = True
    is_widget = options.get("widgetType", kind) in WIDGETS and not options.get("forceInput")
    if not is_widget:
        return described
    described["widget"] = True
    described |= {limit: options[limit] for limit in LIMITS if options.get(limit) is not None}
    if kind == "COMBO" and name not in OF_THE_MACHINE:
        described["options"] = _names(options["options"])
    if options.get("control_after_generate"):
        described["after"] = "fixed"
    return described


def _names(options: Sequence[Any]) -> list[str]:
    return [str(getattr(option, "value", option)) for option in options]
