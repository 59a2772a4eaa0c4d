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


GUIDES = ("GetVideoComponents", "Canny", "LoadImage", "KinemaPlotCameraPath")
RANDOM = "random_"
"""Where a file's name begins so, nothing can be seen of what it guides, and only the guides are shown."""


def make(template: Template, comfy: Server, client: Client, path: Path) -> None:
    """Runs the small version of `template` and saves its picture, a JPEG, as `path`."""
    prompt = without_bends(small(template, FRAMES, STEPS).prompt())
    guides = {f"guide {number}": _preview(number) for number, node in prompt.items() if node["class_type"] in GUIDES}
    outputs = client.run(with_defaults(prompt | guides, client.object_info())).outputs
    guided = RANDOM in str(prompt)
    shown = [number for number in outputs if outputs[number] and (number in guides or not guided)]
    picture = stacked(_rows([_frames([comfy.path(file) for file in outputs[number]]) for number in shown]))
    picture.thumbnail((SHOWN * SIDE, SHOWN * SIDE))
    picture.save(path, quality=85)


def _preview(number: str) -> dict[str, Any]:
    return {"class_type": "PreviewImage", "inputs": {"images": [number, 0]}}


def _rows(made: list[list[Image.Image]]) -> list[Image.Image]:
    """Each video as a row of frames, and single pictures side by side in one row."""
    rows = [strip(frames, SHOWN, SIDE) for frames in made if len(frames) > 1]
    single = [frames[0] for frames in made if len(frames) == 1]
    return rows + ([strip(single, len(single), SIDE)] if len(single) > 1 else single)


def _frames(files: list[Path]) -> list[Image.Image]:
    """The frames of a video, or pictures."""
    if files[0].suffix == ".mp4":
        with av.open(str(files[0])) as container:
            return [frame.to_image() for frame in container.decode(video=0)]
    return [Image.open(file).convert("RGB") for file in files]
