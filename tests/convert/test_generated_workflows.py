"""Generated workflows: every sink with every kind of option, in all layouts, wired in all ways, in all modes, and sinks
one behind the other. Whatever comes out can be opened, and nothing else changed."""

from random import Random
from typing import Any

import pytest
from evolved_graphs import Out, Sketch

from kinema.convert import convert
from kinema.convert.definitions.node_definitions import evolved_nodes, target_nodes
from kinema.convert.report import NOT_CONVERTED, RANKS
from kinema.convert.rules.single_nodes import SPECIAL
from kinema.convert.rules.sinks import SINKS
from kinema.convert.rules.twins import TWINS
from tools.conversions.validity import evolved_types, problems

MAKERS = {  # type of a socket: the classes that feed it
    kind: [name for name, node in evolved_nodes().items() if node.outputs[:1] == (kind,) and name not in SINKS]
    for kind in {kind.rstrip("?") for node in evolved_nodes().values() for kind in node.sockets.values()}
}
PLAIN = {"MODEL": 0, "CLIP": 1, "VAE": 2}
WORDS = {
    "beta_schedule": [
        "autoselect",
        "use existing",
        "lcm",
        "sqrt_linear (AnimateDiff)",
        "lcm[100_ots]",
        "cosine",
        "nonsense",
    ],
    "noise_type": ["default", "FreeNoise", "constant", "repeated_context", "empty"],
    "seed_gen": ["comfy", "auto1111", "auto1111 [gpu]"],
    "format": ["image/gif", "video/h264-mp4", "image/webp", "video/ProRes"],
    "fuse_method": ["pyramid", "flat", "random", "overlap-linear", "\N{MICROSCOPE}gauss-sigma inverse"],
}
DEEPEST = 4  # options behind options


class Maker:
    """Makes one workflow by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.sketch = Sketch()
        self.checkpoint = self.sketch.add("CheckpointLoaderSimple", "a.safetensors")
        self.picture = self.sketch.add("LoadImage", "a.png")
        self.latents = self.sketch.add("EmptyLatentImage", 64, 64, self.random.choice([8, 16, 24]))

    def workflow(self) -> dict[str, Any]:
        sinks = sorted(SINKS)
        model = self.checkpoint
        for _ in range(self.random.choice([1, 1, 2])):
            model = self.node(self.random.choice(sinks), 0, model=model)
            if self.random.random() < 0.3:
                self.sketch.sample(model, self.checkpoint)
        self.sketch.sample(model, self.checkpoint, self.random.choice([16, 24]))
        for name in self.random.sample(sorted([*TWINS, *SPECIAL]), 2):
            self.node(name, 0)
        return self.sketch.ui()

    def prompt(self) -> dict[str, Any]:
        self.workflow()
        return self.sketch.api()

    def node(self, name: str, depth: int, **links: Out) -> Out:
        definition = evolved_nodes()[name]
        for socket, kind in definition.sockets.items():
            needed = not kind.endswith("?")
            if socket in links or not (needed or self.random.random() < 0.5):
                continue
            found = self.source(kind.rstrip("?"), depth, needed)
            if found is not None:
                links[socket] = found
        for widget, default in definition.widgets.items():
            if isinstance(default, int | float) and self.random.random() < 0.05:
                kind = "BOOLEAN" if isinstance(default, bool) else "INT" if isinstance(default, int) else "FLOAT"
                links[widget] = self.sketch.typed(self.sketch.add("PrimitiveNode", default, "fixed"), kind)
        mode = self.random.choice([0, 0, 0, 0, 2, 4])
        return self.wired(self.sketch.add(name, *self.values(name), mode=mode, **links), definition.outputs)

    def source(self, kind: str, depth: int, needed: bool) -> Out | None:
        if kind in PLAIN:
            return Out(self.checkpoint.node, PLAIN[kind])
        if kind in ("IMAGE", "MASK"):
            return Out(self.picture.node, int(kind == "MASK"))
        if kind == "LATENT":
            return self.latents
        if kind == "CONDITIONING":
            return self.sketch.add("CLIPTextEncode", "a fish", clip=Out(self.checkpoint.node, 1))
        makers = MAKERS.get(kind)
        if not makers or (depth >= DEEPEST and not needed):
            return None
        simple = [
            name
            for name in makers
            if not any(evolved_nodes()[name].is_required(socket) for socket in evolved_nodes()[name].sockets)
        ]
        return self.node(self.random.choice(simple if depth >= DEEPEST and simple else makers), depth + 1)

    def values(self, name: str) -> list[Any]:
        definition = evolved_nodes()[name]
        order = self.random.choice([tuple(definition.widgets), *definition.older_orders])
        order = order[: self.random.choice([len(order), len(order), len(order) - 1])]
        values = [self.value(widget, definition.widgets.get(widget, 0)) for widget in order]
        return [*values, ""] if self.random.random() < 0.3 else values

    def value(self, widget: str, default: Any) -> Any:
        if default is None:
            return self.random.choice(["a file.ckpt", "folder\\a file.safetensors", None])
        if widget in WORDS:
            return self.random.choice(WORDS[widget])
        if isinstance(default, bool):
            return self.random.random() < 0.5
        if isinstance(default, int):
            return self.random.choice([default, default, 0, 3, -2])
        return self.random.choice([default, default, 0.25, 1.5, 12.0]) if isinstance(default, float) else default

    def wired(self, out: Out, kinds: tuple[str, ...]) -> Out:
        """`out`, sometimes behind a reroute or a named way."""
        way = self.random.random()
        if way < 0.8 or not kinds:
            return out
        if way < 0.9:
            return self.sketch.typed(self.sketch.add("Reroute", **{"": out}), kinds[0])
        self.sketch.add("SetNode", f"way {out.node}", **{"*": out})
        return self.sketch.typed(self.sketch.add("GetNode", f"way {out.node}"), kinds[0])


SEEDS = range(100)


@pytest.mark.parametrize("form", ["ui", "api"])
def test_generated_workflows(form: str) -> None:
    results = dict.fromkeys(RANKS, 0)
    for seed in SEEDS:
        maker = Maker(seed)
        before = maker.workflow() if form == "ui" else maker.prompt()
        accept, core = seed % 2 == 0, seed % 3 == 0
        conversion = convert(before, accept, core)
        found = problems(before, conversion.workflow, target_nodes())
        assert not found, f"seed {seed}: {found[:3]}"
        again = convert(conversion.workflow, accept, core)
        assert again.workflow is conversion.workflow, f"seed {seed}: {again.report.text()}"
        units = conversion.report.units
        assert evolved_types(conversion.workflow) == [] or any(unit.result == NOT_CONVERTED for unit in units), (
            f"seed {seed}"
        )
        for unit in units:
            results[unit.result] += 1
            assert unit.refusal or unit.result != NOT_CONVERTED or unit.can_be_accepted
    assert min(results.values()) > 5, results


def test_nearly_every_class_was_made() -> None:
    made = {node["type"] for seed in SEEDS for node in Maker(seed).workflow()["nodes"]}
    assert len(evolved_nodes().keys() - made) <= 20
