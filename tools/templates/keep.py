"""The workflows that a version saves, kept for ever in tests/fixtures/workflows/<version>: later versions must read them.

NAME.json is what the canvas saves, NAME.api.json what its API export gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import environment
from ..graph import to_graph, widgets, with_defaults
from .all import TEMPLATES
from .board import without_bends

FOLDER = environment.REPOSITORY / "tests" / "fixtures" / "workflows"


def version() -> str:
    """Kinema's, as pyproject.toml says."""
    (number,) = re.findall(r'^version = "(.+)"$', (environment.REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    return str(number)


def keep(object_info: dict[str, Any]) -> None:
    """Writes those that are not there yet."""
    folder = FOLDER / version()
    folder.mkdir(parents=True, exist_ok=True)
    for name, workflow, prompt in _workflows(object_info):
        _write(folder / f"{name}.json", workflow)
        _write(folder / f"{name}.api.json", with_defaults(prompt, object_info))


def _workflows(object_info: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for template in TEMPLATES:
        yield template.file, template.workflow(object_info), without_bends(template.prompt())
    prompt = every_node(object_info)
    yield "every_node", to_graph(prompt, object_info), prompt


def every_node(object_info: dict[str, Any]) -> dict[str, Any]:
    """A prompt of all nodes, not wired, each widget with another value than its default, so that a shift shows."""
    ours = sorted(name for name in object_info if name.startswith("Kinema"))
    return {
        str(number): {"class_type": name, "inputs": _others(object_info[name])} for number, name in enumerate(ours, 1)
    }


def _others(described: dict[str, Any]) -> dict[str, Any]:
    return {name: _other(name, kind, options) for name, kind, options in widgets(described)}


def _other(name: str, kind: str, options: dict[str, Any]) -> Any:
    match kind:
        case "COMBO":
            return options["options"][-1]
        case "BOOLEAN":
            return not options["default"]
        case "INT" | "FLOAT":
            step, default = options.get("step", 1), options["default"]
            return round(default + (step if default + step <= options["max"] else -step), 6)
        case _:
            return f"0: {name}"


def _write(path: Path, content: dict[str, Any]) -> None:
    if not path.exists():
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
