"""The pictures beside the templates: what each really made with the miniature, four frames side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
from PIL import Image

from ..client import Client
from ..graph import with_defaults
from ..server import Server
from ..strips import stacked, strip
from .board import Template, without_bends
from .small import small

FRAMES, STEPS = 24, 14
SHOWN, SIDE = 4, 256  # frames of a picture, and pixels of each


GUIDES = ("GetVideoComponents", "Canny")  # shown instead of what they guide: small ControlNets are random


def make(template: Template, comfy: Server, client: Client, path: Path) -> None:
    """Runs the small version of `template` and saves its picture, a JPEG, as `path`."""
    prompt = without_bends(small(template, FRAMES, STEPS).prompt())
    guides = {f"guide {number}": _preview(number) for number, node in prompt.items() if node["class_type"] in GUIDES}
    outputs = client.run(with_defaults(prompt | guides, client.object_info())).outputs
    made = [[comfy.path(file) for file in outputs[number]] for number in guides or outputs if outputs[number]]
    picture = stacked([_row(files) for files in made])
    picture.thumbnail((SHOWN * SIDE, SHOWN * SIDE))
    picture.save(path, quality=85)


def _preview(number: str) -> dict[str, Any]:
    return {"class_type": "PreviewImage", "inputs": {"images": [number, 0]}}


def _row(files: list[Path]) -> Image.Image:
    """A video or a batch of pictures as frames side by side, a single picture as it is."""
    if files[0].suffix == ".mp4":
        with av.open(str(files[0])) as container:
            return strip([frame.to_image() for frame in container.decode(video=0)], SHOWN, SIDE)
    pictures = [Image.open(file).convert("RGB") for file in files]
    return strip(pictures, SHOWN, SIDE) if len(pictures) > 1 else pictures[0]
