"""What the samplers behind a MODEL are set to, as far as the graph tells: frames and size of their latents, seed, steps."""

from dataclasses import dataclass
from typing import Any

from .tracing import Tracer, forward
from .workflow_graph import GraphNode, NodeId, OutputOf

CARRY_A_MODEL = frozenset(["MODEL", "GUIDER", "BASIC_PIPE", "PIPE_LINE"])
EMPTY_LATENTS = frozenset(["EmptyLatentImage", "ADE_EmptyLatentImageLarge"])
LATENT_INPUTS = ("latent_image", "latent", "samples", "optional_latent", "latent_opt")
SAME_FRAMES = frozenset(
    ["LatentUpscale", "LatentUpscaleBy", "SetLatentNoiseMask", "KSampler", "KSamplerAdvanced", "SamplerCustom"]
)
WIDGETS = {  # names of the values that the canvas stores for the host's nodes
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "ADE_EmptyLatentImageLarge": ("width", "height", "batch_size"),
    "PrimitiveInt": ("value",),
}
LONGEST_WAY = 64  # nodes from a sampler up to its empty latents


@dataclass(frozen=True)
class StartLatents:
    """What a sampler starts from; None for what is not known."""

    frames: int | None = None  # batch size
    width: int | None = None  # pixels
    height: int | None = None  # pixels


def latents_behind(tracer: Tracer, model: OutputOf) -> list[StartLatents]:
    """Those of every sampler that `model` reaches; an unknown one for a node that samples unseen."""
    found = []
    for node in forward(tracer.graph, model, CARRY_A_MODEL):
        sockets = [socket for socket in node.sockets if socket.name in LATENT_INPUTS]
        if sockets:
            found.append(_latents(tracer, sockets[0].source))
        elif any(kind in ("BASIC_PIPE", "PIPE_LINE") for _, kind in node.outputs):
            found.append(StartLatents())
    return found


def _latents(tracer: Tracer, source: OutputOf | None) -> StartLatents:
    for _ in range(LONGEST_WAY):
        traced = tracer.up(source)
        if traced.source is None:
            return StartLatents()
        node = tracer.graph.nodes[traced.source.node]
        if node.type in EMPTY_LATENTS:
            width, height, frames = WIDGETS[node.type]
            return StartLatents(
                number_of(tracer, node, frames), number_of(tracer, node, width), number_of(tracer, node, height)
            )
        if node.type not in SAME_FRAMES:
            return StartLatents()
        source = next((socket.source for socket in node.sockets if socket.name in LATENT_INPUTS), None)
    return StartLatents()


def number_of(tracer: Tracer, node: GraphNode, name: str) -> int | None:
    """The whole number in a widget of a host's node, also where a primitive feeds it."""
    for socket in node.sockets:
        if socket.name == name and socket.source is not None:
            return _primitive(tracer, socket.source)
    value = stored_value(node, name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def stored_value(node: GraphNode, name: str) -> Any:
    if isinstance(node.values, dict):
        return node.values.get(name)
    names = WIDGETS.get(node.type, ())
    values = node.values if isinstance(node.values, list) else []
    return values[names.index(name)] if name in names and names.index(name) < len(values) else None


def _primitive(tracer: Tracer, source: OutputOf) -> int | None:
    seen: set[NodeId] = set()
    traced = tracer.up(source)
    while traced.source is not None and traced.source.node not in seen:
        seen.add(traced.source.node)
        node = tracer.graph.nodes[traced.source.node]
        if node.type == "PrimitiveInt":
            return number_of(tracer, node, "value")
        if node.type != "PrimitiveNode":
            return None
        value = node.values[0] if isinstance(node.values, list) and node.values else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None
    return None
