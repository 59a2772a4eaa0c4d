"""Searches the seeds of the help pictures: for each base scene, the one whose animation the detector likes best.

Each seed is sampled in a few steps first, and the most promising in as many as the pictures have. What was judged stays in
the cache, so that a search that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .. import environment, server
from ..client import Client
from ..graph import with_defaults
from .graphs import (
    BLUE,
    FISH,
    LONG,
    MOVING,
    SILENT,
    STEPS,
    TRAVEL,
    YELLOW,
    ZOOM,
    Node,
    animation,
    applied,
    node,
    to_prompt,
    travel,
    windows,
)
from .judged import Frames, Judged, judge

SEEDS = 100
FEW = 5  # steps of the first look
PROMISING = 20  # seeds that get all steps: those that cost least after the first look


@dataclass(frozen=True)
class Base:
    """A base scene."""

    model: Node  # the MODEL
    prompt: str | Node  # or the node that makes one
    seen: tuple[str, ...]  # prompts, one of which the detector expects to see in each frame
    frames: int = 16  # of the animation
    swims: bool = True  # whether the fish keeps to a smooth path


BASES = {
    "swim": Base(MOVING, FISH, (FISH,)),
    "zoom": Base(applied(ZOOM), YELLOW, (YELLOW,)),
    "deep": Base(MOVING, BLUE, (BLUE,)),
    "travel": Base(MOVING, travel(16), TRAVEL),
    "silent": Base(MOVING, SILENT, (SILENT.replace(",", " swimming right,"),)),
    "long": Base(windows(overlap=4), FISH, (FISH,), LONG, swims=False),
}


@dataclass(frozen=True)
class Maker:
    """Animations from a running server, judged once."""

    comfy: server.Server  # with LRU caches or without
    client: Client  # of it
    info: dict[str, Any]  # its nodes
    folder: Path  # of what was judged

    def judged(self, base: Base, seed: int, steps: int) -> Judged:
        view = animation(base.model, base.prompt, base.frames, seed, steps=steps)
        judges = Path(judge.__code__.co_filename).read_bytes()
        path = self.folder / f"{sha256(repr(view).encode() + judges).hexdigest()[:24]}.json"
        if path.exists():
            return Judged(**json.loads(path.read_text()))
        result = judge(self.frames(view), base.seen, base.swims)
        path.write_text(json.dumps(asdict(result)))
        return result

    def frames(self, view: Node) -> Frames:
        prompt, _ = to_prompt([node("PreviewImage", images=view)])
        (files,) = self.client.run(with_defaults(prompt, self.info)).outputs.values()
        return np.stack([np.asarray(Image.open(self.comfy.path(file)).convert("RGB")) for file in files])


def search(name: str, count: int = SEEDS) -> None:
    """Judges the seeds 1 to `count` of a base scene and prints the best."""
    kept = environment.cache() / "help-seeds"
    kept.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        server.running(environment.find().hosts[0], Path(folder), threads=1) as comfy,
        Client(comfy.url) as client,
    ):
        maker = Maker(comfy, client, client.object_info(), kept)
        ranked = _ranked(maker, BASES[name], count)
    for seed, result in ranked[:5]:
        print(f"{name}: seed {seed}, {result.cost:.2f}, {', '.join(result.faults) or 'good'}", flush=True)


def _ranked(maker: Maker, base: Base, count: int) -> list[tuple[int, Judged]]:
    """The promising seeds, best first."""
    looks = dict[int, Judged]()
    for seed in range(1, count + 1):
        looks[seed] = maker.judged(base, seed, FEW)
        print(f"seed {seed}: {looks[seed].cost:.2f}", flush=True)
    promising = sorted(looks, key=lambda seed: looks[seed].cost)[:PROMISING]
    whole = dict[int, Judged]()
    for seed in promising:
        whole[seed] = maker.judged(base, seed, STEPS)
        print(f"seed {seed} in all steps: {whole[seed].cost:.2f} {', '.join(whole[seed].faults)}", flush=True)
    return sorted(whole.items(), key=lambda item: item[1].cost)
