"""Writes example_workflows: `python3 dev.py templates [--pictures]`; pictures take minutes and need no GPU."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from .. import environment, in_host, server
from ..client import Client
from .all import TEMPLATES

FOLDER = environment.REPOSITORY / "example_workflows"


def main(arguments: list[str] | None = None) -> int:
    host = environment.find().hosts[0]
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        pictures = "--pictures" in (arguments or [])
        if pictures:
            in_host.enter(1, cpu=True)
            from . import small

            small.place_files(base)
        with server.running(host, base) as comfy, Client(comfy.url) as client:
            info = client.object_info()
            for template in TEMPLATES:
                path = FOLDER / f"{template.file}.json"
                path.write_text(content(template.workflow(info)), encoding="utf-8")
                if pictures:
                    from . import thumbnails

                    print(path.stem, flush=True)
                    thumbnails.make(template, comfy, client, path.with_suffix(".jpg"))
    return 0


def content(workflow: dict[str, Any]) -> str:
    return json.dumps(workflow, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
