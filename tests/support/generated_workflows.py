"""Workflows of AnimateDiff-Evolved made by seeds: every kind of node, in all layouts, wired in all ways, in all modes."""

from random import Random
from typing import Any

from evolved_graphs import Out, Sketch

from kinema.convert.definitions.node_definitions import evolved_nodes
from kinema.convert.rules.single_nodes import SPECIAL
from kinema.convert.rules.sinks import SINKS
from kinema.convert.rules.twins import TWINS

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
    "motion_type": ["Static", "Pan Up", "Zoom In", "ACW"],
    "preset": ["Animation (Small Motion)", "Loop (Large Motion)", "nonsense"],
    "interpolation": ["linear", "ease_in", "ease_in_out", "nonsense"],
    "raw_beta_schedule": ["linear", "sqrt", "squaredcos_cap_v2", "nonsense"],
    "format": ["image/gif", "video/h264-mp4", "image/webp", "video/ProRes"],
    "fuse_method": ["pyramid", "flat", "random", "overlap-linear", "\N{MICROSCOPE}gauss-sigma inverse"],
}
PARTNERS = {  # sockets that only one class can feed in a way that Kinema follows
    "ADE_ApplyAnimateLCMI2VModel": {"ref_latent": "ADE_UpscaleAndVAEEncode"},
    "ADE_ApplyAnimateDiffModelWithCameraCtrl": {"motion_model": "ADE_LoadAnimateDiffModelWithCameraCtrl"},
}
DEEPEST = 4  # options behind options
LONGEST_ROUTE = 8  # from a sink to a class that is wanted


class Maker:
    """Makes one workflow by a seed. A node of the class `wanted` is in it, where an option of a sink can be one. A plain
    workflow has no nodes that are off, no ways through other nodes, and no nonsense among its values."""

    def __init__(self, seed: int, wanted: str, is_plain: bool = False) -> None:
        self.is_plain = is_plain
        self.random = Random(f"{seed} {wanted}")
        self.route = route(wanted)
        self.sketch = Sketch()
        self.checkpoint = self.sketch.add("CheckpointLoaderSimple", "a.safetensors")
        self.picture = self.sketch.add("LoadImage", "a.png")
        self.latents = self.sketch.add("EmptyLatentImage", 64, 64, self.random.choice([8, 16, 24]))

    def workflow(self) -> dict[str, Any]:
        chosen = {*SINKS} & self.route.keys()
        sinks = sorted(chosen or SINKS)
        model = self.checkpoint
        for _ in range(self.random.choice([1, 1, 2])):
            model = self.node(self.random.choice(sinks), 0, model=model)
            if self.random.random() < 0.3:
                self.sketch.sample(model, self.checkpoint)
        self.sketch.sample(model, self.checkpoint, self.random.choice([16, 24]))
        for name in (*self.random.sample(sorted([*TWINS, *SPECIAL]), 1), *self.route.keys() & {*TWINS, *SPECIAL}):
            self.node(name, 0)
        return self.sketch.ui()

    def prompt(self) -> dict[str, Any]:
        self.workflow()
        return self.sketch.api()

    def node(self, name: str, depth: int, **links: Out) -> Out:
        definition = evolved_nodes()[name]
        if name in self.route and depth < LONGEST_ROUTE:
            socket, maker = self.route[name]
            if socket:
                links[socket] = self.node(maker, depth + 1)
        for socket, maker in PARTNERS.get(name, {}).items():
            links.setdefault(socket, self.node(maker, depth + 1))
        for socket, kind in definition.sockets.items():
            needed = not kind.endswith("?")
            if socket in links or not (needed or self.random.random() < 1 / (2 + depth)):
                continue
            found = self.source(kind.rstrip("?"), depth, needed)
            if found is not None:
                links[socket] = found
        for widget, default in definition.widgets.items():
            if isinstance(default, int | float) and self.random.random() < 0.05:
                kind = "BOOLEAN" if isinstance(default, bool) else "INT" if isinstance(default, int) else "FLOAT"
                links[widget] = self.sketch.typed(self.sketch.add("PrimitiveNode", default, "fixed"), kind)
        mode = 0 if self.is_plain else self.random.choice([0, 0, 0, 0, 2, 4])
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
            return self.random.choice(["a file.ckpt", "folder\\a file.safetensors", *([] if self.is_plain else [None])])
        if widget.rstrip("123456") in WORDS:
            words = WORDS[widget.rstrip("123456")]
            return self.random.choice([word for word in words if word != "nonsense" or not self.is_plain])
        if isinstance(default, bool):
            return self.random.random() < 0.5
        if isinstance(default, int):
            return self.random.choice([default, default, 0, 3, -2])
        return self.random.choice([default, default, 0.25, 1.5, 12.0]) if isinstance(default, float) else default

    def wired(self, out: Out, kinds: tuple[str, ...]) -> Out:
        """`out`, sometimes behind a reroute or a named way."""
        way = self.random.random()
        if way < 0.8 or self.is_plain or not kinds:
            return out
        if way < 0.9:
            return self.sketch.typed(self.sketch.add("Reroute", **{"": out}), kinds[0])
        self.sketch.add("SetNode", f"way {out.node}", **{"*": out})
        return self.sketch.typed(self.sketch.add("GetNode", f"way {out.node}"), kinds[0])


def route(wanted: str) -> dict[str, tuple[str, str]]:
    """The way from a node that stands for itself to `wanted`: of each class on it, the socket and the class behind it."""
    ways = {wanted: {wanted: ("", "")}}
    for name in (waiting := [wanted]):
        if name in SINKS or name in TWINS or name in SPECIAL:
            return ways[name]
        (kind,) = evolved_nodes()[name].outputs[:1] or ("nothing",)
        for user, definition in evolved_nodes().items():
            socket = next((socket for socket in definition.sockets if definition.type_of(socket) == kind), None)
            if socket and user not in ways:
                ways[user] = {**ways[name], user: (socket, name)}
                waiting.append(user)
    return {}
