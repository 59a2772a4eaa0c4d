"""Searches the seeds of the help pictures: for each base scene, the one whose animation the detector likes best.

Each seed is sampled in a few steps first, and only where little is wrong in as many as the pictures have. What was judged
stays in the cache, so that a search that was stopped goes on where it was.
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
from .graphs import BLUE, FISH, LONG, MOVING, STEPS, YELLOW, ZOOM, Node, animation, applied, node, to_prompt, windows
from .judged import Frames, Judged, judge

SEEDS = 100
FEW = 5  # steps of the first look
PROMISING = 5.0  # the highest cost after it at which a seed gets all steps
ENOUGH = 3  # seeds without a fault, after which a search stops


@dataclass(frozen=True)
class Base:
    """A base scene."""

    model: Node  # the MODEL
    prompt: str  # which the detector expects to see
    frames: int = 16  # of the animation
    swims: bool = True  # whether the fish keeps to a smooth path


BASES = {
    "swim": Base(MOVING, FISH),
    "zoom": Base(applied(ZOOM), YELLOW),
    "deep": Base(MOVING, BLUE),
    "long": Base(windows(overlap=4), FISH, LONG, swims=False),
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
        result = judge(self.frames(view), (base.prompt,), base.swims)
        path.write_text(json.dumps(asdict(result)))
        return result

    def frames(self, view: Node) -> Frames:
        prompt, _ = to_prompt([node("PreviewImage", images=view)])
        (files,) = self.client.run(with_defaults(prompt, self.info)).outputs.values()
        return np.stack([np.asarray(Image.open(self.comfy.path(file)).convert("RGB")) for file in files])


def search(name: str, count: int = SEEDS) -> None:
    """Judges the seeds 1 to `count` of a base scene, or fewer where enough are good, and prints the best."""
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
    whole = dict[int, Judged]()
    for seed in range(1, count + 1):
        first = maker.judged(base, seed, FEW)
        print(f"seed {seed}: {first.cost:.2f}", flush=True)
        if first.cost <= PROMISING:
            whole[seed] = maker.judged(base, seed, STEPS)
            print(f"  {whole[seed].cost:.2f} {', '.join(whole[seed].faults)}", flush=True)
        if sum(not result.faults for result in whole.values()) == ENOUGH:
            break
    return sorted(whole.items(), key=lambda item: item[1].cost)
