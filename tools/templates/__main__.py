"""Writes example_workflows and subgraphs: `python3 dev.py templates [--pictures] [--keep]`.

--pictures makes the thumbnails that are missing, in minutes and without a GPU. --keep, once a version, keeps its workflows
as fixtures.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from .. import environment, in_host, server
from ..client import Client
from .all import STEMS
from .blueprints import BLUEPRINTS
from .keep import keep

FOLDER = environment.REPOSITORY / "example_workflows"
SUBGRAPHS = environment.REPOSITORY / "subgraphs"


def main(arguments: list[str] | None = None) -> int:
    host = environment.find().hosts[0]
    FOLDER.mkdir(exist_ok=True)
    SUBGRAPHS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        pictures = "--pictures" in (arguments or [])
        if pictures:
            in_host.enter(1, cpu=True)
            from . import small

            small.place_files(base)
        with server.running(host, base, threads=1) as comfy, Client(comfy.url) as client:
            info = client.object_info()
            if "--keep" in (arguments or []):
                keep(info)
            for blueprint in BLUEPRINTS:
                path = SUBGRAPHS / f"{blueprint.name}.json"
                path.write_text(content(blueprint.workflow(info)), encoding="utf-8")
            for stem, template in STEMS.items():
                (FOLDER / f"{stem}.json").write_text(content(template.workflow(info)), encoding="utf-8")
            for stem, template in STEMS.items() if pictures else ():
                from . import thumbnails

                if not (FOLDER / f"{stem}.jpg").exists():
                    print(stem, flush=True)
                    thumbnails.make(template, comfy, client, FOLDER / f"{stem}.jpg")
    return 0


def content(workflow: dict[str, Any]) -> str:
    return json.dumps(workflow, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
