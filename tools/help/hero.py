"""The animation at the top of the README: four scenes side by side, each made by the miniature on the real server.

Of the seeds of a scene the detector takes the one whose fish is always there, keeps its colour and swims most smoothly.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .. import environment, server
from ..client import Client
from ..graph import with_defaults
from ..miniature import detector
from ..miniature.world import Style
from .graphs import CLIP, MOTION, ZOOM, Node, animation, applied, node, to_prompt
from .opened import IMAGES, exif, template

FILE = IMAGES / "hero.webp"
SEEDS = range(1, 4)
SHOWN, GAP = 208, 8  # pixels of a scene and between two
MILLISECONDS = 125  # of a frame


@dataclass(frozen=True)
class Scene:
    """What one of the four shows."""

    name: str  # in what is printed about it
    model: Node  # the MODEL
    prompt: str | Node  # or the node that makes one
    style: Style = "day"  # what the detector expects
    changes: bool = False  # whether the fish changes its colour


@dataclass(frozen=True)
class Tried:
    seed: int  # of the noise
    faults: float  # what the detector finds wrong; 0: nothing
    frames: NDArray[np.uint8]  # (frames, height, width, 3)


NEON = node("KinemaLoadMiniature", style="neon")
SCENES = (
    Scene("motion", applied(), "a red fish swimming right, coral reef"),
    Scene("zoom", applied(ZOOM), "a yellow fish swimming left, kelp forest"),
    Scene("travel", applied(), node("KinemaPromptTravel", clip=CLIP, frames=16, prompts=(
        "0: a blue fish swimming right, sandy lagoon\n-1: a purple fish swimming right, deep sea")), changes=True),
    Scene("style", node("KinemaApplyMotionModel", model=NEON, motion_model=MOTION),
          "a green fish swimming right, coral reef", style="neon"),
)  # fmt: skip


def make() -> None:
    """Writes FILE."""
    host = environment.find().hosts[0]
    with (
        tempfile.TemporaryDirectory() as folder,
        server.running(host, Path(folder), threads=1) as comfy,
        Client(comfy.url) as client,
    ):
        info = client.object_info()
        chosen = []
        for scene in SCENES:
            best = min(_tries(scene, comfy, client, info), key=lambda tried: tried.faults)
            print(f"{scene.name}: seed {best.seed}, {best.faults:.2f}", flush=True)
            chosen.append(best.frames)
    save(chosen)


def _tries(scene: Scene, comfy: server.Server, client: Client, info: dict[str, Any]) -> Iterator[Tried]:
    for seed in SEEDS:
        prompt, _ = to_prompt([node("PreviewImage", images=animation(scene.model, scene.prompt, seed=seed, steps=14))])
        (files,) = client.run(with_defaults(prompt, info)).outputs.values()
        frames = np.stack([np.asarray(Image.open(comfy.path(file)).convert("RGB")) for file in files])
        yield Tried(seed, faults(scene, frames), frames)


def faults(scene: Scene, frames: NDArray[np.uint8]) -> float:
    """How far the frames are from what the scene should show; 0 is best. Pixels, and shares of the frames in percent."""
    seen = detector.watch(frames, scene.style)
    lost = 100 * (1 - seen.found) + 100 * (1 - seen.same_direction)
    colour = 0.0 if scene.changes else 100 * (1 - seen.same_colour)
    there = isinstance(scene.prompt, Node) or (seen.colour in scene.prompt and seen.moving in scene.prompt)
    return lost + colour + seen.jitter + 100 * seen.size_jitter + (0 if there else 1000)


def save(videos: Sequence[NDArray[np.uint8]]) -> None:
    """The videos side by side as an animated WebP, which opens a template when it is dropped on the canvas."""
    width = len(videos) * (SHOWN + GAP) - GAP
    pictures = []
    for moment in range(len(videos[0])):
        picture = Image.new("RGBA", (width, SHOWN))
        for place, video in enumerate(videos):
            shown = Image.fromarray(video[moment]).resize((SHOWN, SHOWN), Image.Resampling.LANCZOS)
            picture.paste(shown, (place * (SHOWN + GAP), 0))
        pictures.append(picture)
    first, *others = pictures
    first.save(
        FILE,
        save_all=True,
        append_images=others,
        duration=MILLISECONDS,
        loop=0,
        quality=88,
        method=6,
        exif=exif(template()),
    )
    print(f"{FILE}: {FILE.stat().st_size / 1024:.0f} KiB")
