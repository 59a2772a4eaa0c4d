"""Makes the pictures of the help pages with the miniature on the real server, and says what is wrong in them.

Each picture contains the workflow that made it, so that it opens when the picture is dropped on the canvas.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .. import environment, server
from ..client import Client
from ..graph import to_graph, with_defaults
from ..strips import labelled, stacked, strip
from .graphs import SHOWN, SIDE, WIDTH, Row, node, seeds_in, to_prompt
from .judged import faults_of_rows
from .lists import PAGES
from .opened import exif
from .rows import as_row
from .scenes import SCENES

QUALITY = 80


def path_of(node_id: str) -> Path:
    """The picture of a help page, in all its languages."""
    return PAGES / node_id / "picture.webp"


def make(node_ids: Sequence[str]) -> bool:
    """Makes the pictures of these pages one after the other, on a server that remembers what earlier ones sampled.

    Gives whether the detector found nothing wrong in all their rows.
    """
    host = environment.find().hosts[0]
    good = True
    with (
        tempfile.TemporaryDirectory() as folder,
        server.running(host, Path(folder), threads=1, flags=("--cache-lru", "500")) as comfy,
        Client(comfy.url) as client,
    ):
        info = client.object_info()
        for node_id in node_ids:
            rows = [as_row(entry) for entry in SCENES[node_id]]
            faults = _make(path_of(node_id), rows, comfy, client, info)
            good &= not faults
            print("\n  ".join([str(path_of(node_id)), *faults]), flush=True)
    return good


def _make(path: Path, rows: Sequence[Row], comfy: server.Server, client: Client, info: dict[str, Any]) -> list[str]:
    """Makes one picture. Gives what is wrong with its rows."""
    views = [node("PreviewImage", images=row.view) for row in rows]
    prompt, ids = to_prompt(views)
    whole = with_defaults(prompt, info)
    outputs = client.run(whole).outputs
    made = [[Image.open(comfy.path(file)).convert("RGB") for file in outputs[ids[view]]] for view in views]
    picture = stacked([_line(pictures, row) for pictures, row in zip(made, rows, strict=True)])
    if seeds := seeds_in(whole):
        picture = labelled(picture, f"seed {', '.join(map(str, seeds))}")
    path.parent.mkdir(exist_ok=True)
    picture.save(path, quality=QUALITY, method=6, exif=exif(to_graph(whole, info)))
    return faults_of_rows(rows, [np.stack([np.asarray(frame) for frame in frames]) for frames in made])


def _line(pictures: Sequence[Image.Image], row: Row) -> Image.Image:
    """Frames side by side; a plot as wide as they are; another single picture as it is."""
    if len(pictures) > 1:
        return strip(pictures, SHOWN, SIDE)
    alone = pictures[0].crop(row.box) if row.box else pictures[0]
    if alone.width <= SIDE:
        return alone
    return alone.resize((WIDTH, alone.height * WIDTH // alone.width), Image.Resampling.LANCZOS)
