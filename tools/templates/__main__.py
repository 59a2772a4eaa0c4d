"""Writes example_workflows: `python3 dev.py templates`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from .. import environment, server
from ..client import Client
from .all import TEMPLATES

FOLDER = environment.REPOSITORY / "example_workflows"


def main(_: list[str] | None = None) -> int:
    host = environment.find().hosts[0]
    with tempfile.TemporaryDirectory() as base, server.running(host, Path(base)) as comfy, Client(comfy.url) as client:
        info = client.object_info()
    FOLDER.mkdir(exist_ok=True)
    for template in TEMPLATES:
        (FOLDER / f"{template.file}.json").write_text(content(template.workflow(info)), encoding="utf-8")
    return 0


def content(workflow: dict[str, Any]) -> str:
    return json.dumps(workflow, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
