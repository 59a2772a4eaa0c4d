"""What becomes of workflows of our own making, node by node: each equals a file that was read and found right.

With KINEMA_WRITE=1 in the environment the files are written anew, to be read again.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from old_workflows import WORKFLOWS, workflow

from kinema.convert import convert

FOLDER = Path(__file__).parents[1] / "fixtures" / "converted"


def file_of(name: str) -> Path:
    return FOLDER / f"{name.replace(',', '').replace(' ', '_')}.json"


def written(result: dict[str, Any]) -> str:
    """JSON with a line for each node and each link, so that changes can be read."""
    parts = []
    for key, value in result.items():
        lines = ",\n".join(f"  {json.dumps(entry)}" for entry in value) if isinstance(value, list) else ""
        parts.append(f" {json.dumps(key)}: " + (f"[\n{lines}\n ]" if lines else json.dumps(value)))
    return "{\n" + ",\n".join(parts) + "\n}\n"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_becomes_what_was_found_right(name: str) -> None:
    conversion = convert(workflow(name))
    result = {"report": conversion.report.text().splitlines(), **conversion.workflow}
    if os.environ.get("KINEMA_WRITE"):
        FOLDER.mkdir(exist_ok=True)
        file_of(name).write_text(written(result), encoding="utf-8", newline="\n")
    assert result == json.loads(file_of(name).read_text(encoding="utf-8"))


def test_no_file_is_left_over() -> None:
    assert set(FOLDER.iterdir()) == {file_of(name) for name in WORKFLOWS}
