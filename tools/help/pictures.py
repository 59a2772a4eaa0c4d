"""Makes the pictures of the help pages with the miniature, on the real server."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from .. import environment, server
from ..client import Client
from ..graph import with_defaults
from ..strips import stacked, strip
from .graphs import SHOWN, SIDE, WIDTH, node, to_prompt
from .lists import PAGES
from .scenes import SCENES

QUALITY = 80


def path_of(node_id: str) -> Path:
    """The picture of a help page, in all its languages."""
    return PAGES / node_id / "picture.webp"


def make(node_ids: Sequence[str], servers: int = 2) -> None:
    """Makes the pictures of these pages, on `servers` servers at a time: each keeps one core busy."""
    with ThreadPoolExecutor(servers) as pool:
        list(pool.map(_make, (node_ids[first::servers] for first in range(min(servers, len(node_ids))))))


def _make(node_ids: Sequence[str]) -> None:
    """One picture after the other, on a server that remembers what earlier ones sampled."""
    host = environment.find().hosts[0]
    with (
        tempfile.TemporaryDirectory() as folder,
        server.running(host, Path(folder), threads=1, flags=("--cache-lru", "500")) as comfy,
        Client(comfy.url) as client,
    ):
        info = client.object_info()
        for node_id in node_ids:
            views = [node("PreviewImage", images=image) for image in SCENES[node_id]]
            prompt, ids = to_prompt(views)
            outputs = client.run(with_defaults(prompt, info)).outputs
            rows = [[Image.open(comfy.path(file)) for file in outputs[ids[view]]] for view in views]
            path_of(node_id).parent.mkdir(exist_ok=True)
            stacked([row(pictures) for pictures in rows]).save(path_of(node_id), quality=QUALITY, method=6)
            print(path_of(node_id), flush=True)


def row(pictures: Sequence[Image.Image]) -> Image.Image:
    """Frames side by side; a single picture as it is, reduced where it is wider than them."""
    if len(pictures) > 1:
        return strip(pictures, SHOWN, SIDE)
    return pictures[0].convert("RGB").reduce(-(-pictures[0].width // WIDTH))
