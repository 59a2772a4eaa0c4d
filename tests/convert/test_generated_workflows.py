"""Generated workflows: every sink with every kind of option, in all layouts, wired in all ways, in all modes, and sinks
one behind the other. Whatever comes out can be opened, and nothing else changed."""

from random import Random
from typing import Any

import pytest
from evolved_graphs import Out, Sketch

from kinema.convert import convert
from kinema.convert.definitions.node_definitions import evolved_nodes, target_nodes
from kinema.convert.report import NOT_CONVERTED, RANKS
from kinema.convert.rules.option_nodes import OptionNode
from kinema.convert.rules.plan import SAID
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


UNREAD = {  # what the rules may overlook, because it has no effect on the result, or because all of it is left out, said
    "adapt_denoise_steps": "dead in ADE",
    "unlimited_area_hack": "only memory",
    "context_schedule": "ignored by ADE",
    "guarantee_steps": "of a context that only has views",
    "print_adjustment": "only prints",
    "print_keyframes": "only prints",
    "print_schedule": "only prints",
    "print_values": "only prints",
    "intervals": "how finely ADE cuts a way that is smooth here, said",
    "iter_batch_offset": "fresh noise, said",
    "iter_seed_offset": "fresh noise, said",
}
UNREAD_OF = {  # the same, of single classes
    "ADE_StandardStaticContextOptions": ["use_on_equal_length"],  # changes nothing there
    "ADE_StandardUniformContextOptions": ["use_on_equal_length"],
    "ADE_ValueScheduling": ["max_length"],  # a curve has no length
    "ADE_ValueSchedulingLatents": ["latent"],
    "ADE_VisualizeContextOptionsK": ["sampler_name", "denoise"],  # a picture of another kind, said
    "ADE_VisualizeContextOptionsKAdv": ["sampler_name", "start_step", "end_step"],
}
LEFT_OUT = frozenset(
    [
        *(
            "ADE_AncestralOptions",
            "ADE_ConditionExtraction",
            "ADE_ValuesReplace",
            "ADE_ContextExtras_ContextRef_ModeIndexes",
        ),
        *("ADE_ContextExtras_ContextRef_ModeSliding", "ADE_ContextExtras_ContextRef_TuneAttn"),
        *("ADE_ContextExtras_ContextRef_TuneAttnAdain", "ADE_ContextExtras_ContextRef_KeyframeFromList"),
        *("ADE_ContextExtras_NaiveReuse_KeyframeFromList", "ADE_CustomCFGKeyframeFromList", "ADE_LoadCameraPoses"),
        *("ADE_LoadCameraPosesFromPath", "ADE_ReplaceCameraParameters", "ADE_ReplaceOriginalPoseAspectRatio"),
        *("ADE_FloatToFloats", "ADE_LoraHookKeyframeFromStrengthList", "ADE_UpscaleAndVAEEncode"),
    ]
)
"""Classes that the report names as left out or refuses, and one that only passes on."""


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


@pytest.mark.parametrize("form", ["ui", "api"])
def test_generated_workflows(form: str) -> None:
    results = dict.fromkeys(RANKS, 0)
    for seed, wanted in enumerate(sorted(evolved_nodes())):
        maker = Maker(seed, wanted)
        before = maker.workflow() if form == "ui" else maker.prompt()
        accept, core = seed % 2 == 0, seed % 3 == 0
        conversion = convert(before, accept, core)
        found = problems(before, conversion.workflow, target_nodes())
        assert not found, f"{wanted}: {found[:3]}"
        again = convert(conversion.workflow, accept, core)
        assert again.workflow is conversion.workflow, f"{wanted}: {again.report.text()}"
        units = conversion.report.units
        left = evolved_types(conversion.workflow)
        assert not left or any(unit.result == NOT_CONVERTED for unit in units), f"{wanted}: {left}"
        for unit in units:
            results[unit.result] += 1
            assert unit.refusal or unit.result != NOT_CONVERTED or unit.can_be_accepted
            assert all(remark.nearer or remark.level == SAID for remark in unit.remarks), unit.remarks
    assert min(results.values()) > 5, results


def test_every_value_and_socket_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing is lost in silence: what no rule reads is in the lists above, with the reason."""
    read: set[tuple[str, str]] = set()
    plain = OptionNode._socket

    def recorded(option: OptionNode, name: str) -> Any:
        read.add((option.type, name))
        return plain(option, name)

    monkeypatch.setattr(OptionNode, "_socket", recorded)
    for wanted in sorted(evolved_nodes().keys() - LEFT_OUT):
        for seed in range(3):
            convert(Maker(seed, wanted, is_plain=True).workflow(), accept=True)
    unread = {
        (kind, name)
        for kind, definition in evolved_nodes().items()
        for name in (*definition.widgets, *definition.sockets)
        if kind not in LEFT_OUT and name not in UNREAD and name not in UNREAD_OF.get(kind, ())
    } - read
    assert sorted(unread) == []
