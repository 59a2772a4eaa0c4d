"""The pictures of the templates in the gallery: what each really made with the miniature, four frames in a square."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageOps

from ..client import Client
from ..graph import with_defaults
from ..server import Server
from ..strips import GAP
from .board import Template, without_bends
from .small import small
from .spine import POSITIVE

FRAMES, STEPS = 16, 10
SIDE = 512  # pixels of a picture
CELL = (SIDE - GAP) // 2  # pixels of each of its four parts
CORNERS: tuple[tuple[int, int], ...] = ((0, 0), (SIDE - CELL, 0), (0, SIDE - CELL), (SIDE - CELL, SIDE - CELL))
DARK = "#202020"  # as the gallery's cards

SCENES = {
    "text_to_animation": "a yellow fish swimming left, kelp forest",
    "long_animation": "a white fish swimming right, deep sea",
    "loop": "a green fish swimming left, sandy lagoon",
    "motion_lora": "a purple fish swimming right, coral reef",
    "fast_lightning": "a blue fish swimming left, sandy lagoon",
    "fast_animatelcm": "a yellow fish swimming right, deep sea",
    "upscale_and_sample_again": "a red fish swimming left, kelp forest",
    "video_to_video": "a blue fish swimming right, deep sea",
    "train_motion_lora": "a white fish swimming left, coral reef",
}
"""Prompts in place of the templates' own, so that no two pictures look alike."""

SEEDS = {"loop": 5, "fast_lightning": 3}
"""In place of the templates' own, where a fish would turn around or a second one appear."""

GUIDES = ("GetVideoComponents", "Canny", "LoadImage", "KinemaPlotCameraPath")
RANDOM = "random_"
"""Where a file's name begins so, nothing can be seen of what it guides, and only the guides are shown."""


def make(template: Template, comfy: Server, client: Client, path: Path) -> None:
    """Runs the small version of `template` and saves its picture, a JPEG, as `path`."""
    prompt = without_bends(small(template, FRAMES, STEPS).prompt())
    for node in prompt.values():
        if node["inputs"].get("text") == POSITIVE:
            node["inputs"]["text"] = SCENES.get(template.file, POSITIVE)
        if node["class_type"] == "KSampler":
            node["inputs"]["seed"] = SEEDS.get(template.file, node["inputs"]["seed"])
            node["inputs"]["steps"] = max(
                node["inputs"]["steps"], STEPS
            )  # the miniature needs them where fast models do not
        if template.file == "first_and_last_frame" and node["class_type"] == "LoraLoaderModelOnly":
            node["inputs"]["strength_model"] = 0.0  # neon, in place of the adapter, would hide the pictures' style
        if template.file == "video_to_video" and node["class_type"] == "ControlNetApplyAdvanced":
            node["inputs"]["strength"] = 0.0  # the ControlNet has random weights; the rest of the template shows
    guides = {f"guide {number}": _preview(number) for number, node in prompt.items() if node["class_type"] in GUIDES}
    outputs = client.run(with_defaults(prompt | guides, client.object_info())).outputs
    guided = RANDOM in str(prompt) and template.file != "video_to_video"
    twice = {number for number, node in prompt.items() if _source(node) in outputs}  # previews of what shows itself
    shown = [n for n in outputs if n not in twice and outputs[n] and (n in guides or not guided)]
    square([_frames([comfy.path(file) for file in outputs[number]]) for number in shown]).save(path, quality=88)


def square(made: list[list[Image.Image]]) -> Image.Image:
    """Four frames of a video; two frames each of the first video and the last; two pictures in opposite corners; or one
    picture."""
    picture = Image.new("RGB", (SIDE, SIDE), DARK)
    videos = [frames for frames in made if len(frames) > 1]
    if videos:
        rows = [(videos[0], 2), (videos[-1], 2)] if len(videos) > 1 else [(videos[0], 4)]
        parts = [part for frames, count in rows for part in _spread(frames, count)]
        corners = CORNERS
    elif len(made) > 1:
        parts = [frames[0] for frames in made[:2]]
        corners = (CORNERS[0], CORNERS[3])
    else:
        whole = ImageOps.contain(made[0][0], (SIDE, SIDE), Image.Resampling.LANCZOS)
        picture.paste(whole, ((SIDE - whole.width) // 2, (SIDE - whole.height) // 2))
        return picture
    for part, corner in zip(parts, corners, strict=True):
        picture.paste(part.resize((CELL, CELL), Image.Resampling.LANCZOS), corner)
    return picture


def _spread(frames: list[Image.Image], count: int) -> list[Image.Image]:
    return [frames[number] for number in np.linspace(0, len(frames) - 1, count).round().astype(int)]


def _preview(number: str) -> dict[str, Any]:
    return {"class_type": "PreviewImage", "inputs": {"images": [number, 0]}}


def _source(node: dict[str, Any]) -> str | None:
    """The number of the node whose IMAGE `node` takes."""
    images = node["inputs"].get("images")
    return str(images[0]) if isinstance(images, list) else None


def _frames(files: list[Path]) -> list[Image.Image]:
    """The frames of a video, or pictures."""
    if files[0].suffix == ".mp4":
        with av.open(str(files[0])) as container:
            return [frame.to_image() for frame in container.decode(video=0)]
    return [Image.open(file).convert("RGB") for file in files]
