"""The pictures beside the templates: what each really made with the miniature, four frames side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
from PIL import Image

from ..client import Client
from ..graph import with_defaults
from ..server import Server
from .board import BEND, Node, Template
from .small import small

FRAMES, STEPS = 24, 14
SHOWN, SIDE = 4, 256  # frames of a picture, and pixels of each


def make(template: Template, comfy: Server, client: Client, path: Path) -> None:
    """Runs the small version of `template` and saves its picture, a JPEG, as `path`."""
    prompt = straight(small(template, FRAMES, STEPS)).prompt()
    outputs = client.run(with_defaults(prompt, client.object_info())).outputs
    file = next(comfy.path(files[0]) for files in outputs.values() if files)
    picture = _strip(file) if file.suffix == ".mp4" else Image.open(file).convert("RGB")
    picture.thumbnail((SHOWN * SIDE, SHOWN * SIDE))
    picture.save(path, quality=85)


def straight(template: Template) -> Template:
    """`template` without the bends of its wires, which only the canvas knows."""

    def source(link: object) -> object:
        while isinstance(link, list) and template.nodes[link[0]].kind == BEND:
            link = template.nodes[link[0]].inputs[""]
        return link

    def freed(node: Node) -> Node:
        return replace(node, inputs={name: source(value) for name, value in node.inputs.items()})

    return replace(template, nodes={name: freed(node) for name, node in template.nodes.items() if node.kind != BEND})


def _strip(video: Path) -> Image.Image:
    with av.open(str(video)) as container:
        frames = [frame.to_image() for frame in container.decode(video=0)]
    chosen = [frames[round(number * (len(frames) - 1) / (SHOWN - 1))].resize((SIDE, SIDE)) for number in range(SHOWN)]
    picture = Image.new("RGB", (SHOWN * SIDE, SIDE))
    for number, frame in enumerate(chosen):
        picture.paste(frame, (number * SIDE, 0))
    return picture
