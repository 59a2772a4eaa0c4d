"""Small workflows with nodes of AnimateDiff-Evolved, built by hand in the forms of the canvas and of scripts."""

from dataclasses import dataclass, field
from typing import Any

from kinema.convert.definitions.node_definitions import evolved_nodes, target_nodes
from kinema.convert.definitions.widget_values import named_values

PLAIN: dict[str, tuple[dict[str, str], list[str]]] = {  # classes that the definitions do not have: sockets and outputs
    "KSampler": (
        {"model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING", "latent_image": "LATENT"},
        ["LATENT"],
    ),
    "CLIPTextEncode": ({"clip": "CLIP"}, ["CONDITIONING"]),
    "VAEDecode": ({"samples": "LATENT", "vae": "VAE"}, ["IMAGE"]),
    "LoadImage": ({}, ["IMAGE", "MASK"]),
    "LoraLoaderModelOnly": ({"model": "MODEL"}, ["MODEL"]),
    "ModelSamplingDiscrete": ({"model": "MODEL"}, ["MODEL"]),
    "Reroute": ({"": "*"}, ["*"]),
    "PrimitiveNode": ({}, ["*"]),
    "SetNode": ({"*": "*"}, ["*"]),
    "GetNode": ({}, ["*"]),
    "OtherPackModel": ({"model": "MODEL"}, ["MODEL"]),
    "OtherPackContext": ({}, ["CONTEXT_OPTIONS"]),
    "OtherPackFloats": ({}, ["FLOAT"]),
    "Anything Everywhere": ({"anything": "*"}, []),
    "ACN_SparseCtrlLoaderAdvanced": (
        {"sparse_method": "SPARSE_METHOD", "tk_optional": "TIMESTEP_KEYFRAME"},
        ["CONTROL_NET"],
    ),
    "ACN_SparseCtrlSpreadMethodNode": ({}, ["SPARSE_METHOD"]),
    "ACN_SparseCtrlRGBPreprocessor": ({"image": "IMAGE", "vae": "VAE", "latent_size": "LATENT"}, ["IMAGE"]),
    "ACN_AdvancedControlNetApply": (
        {"positive": "CONDITIONING", "negative": "CONDITIONING", "control_net": "CONTROL_NET", "image": "IMAGE"},
        ["CONDITIONING", "CONDITIONING", "MODEL"],
    ),
    "VHS_VideoCombine": ({"images": "IMAGE", "audio": "AUDIO"}, ["VHS_FILENAMES"]),
    "ControlNetLoaderAdvanced": ({"timestep_keyframe": "TIMESTEP_KEYFRAME"}, ["CONTROL_NET"]),
}


@dataclass(frozen=True)
class Out:
    """An output of a sketched node."""

    node: int
    slot: int = 0


@dataclass
class Sketch:
    """A workflow that grows node by node."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    links: list[list[Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: str, *values: Any, mode: int = 0, title: str = "", **links: Out) -> Out:
        """A node with its stored values; links to sockets, or to widgets, by their names."""
        number = len(self.nodes) + 1
        sockets, outputs = _shape(kind)
        widgets = [name for name in links if name not in sockets]
        inputs = [{"name": name, "type": type_.rstrip("?"), "link": None} for name, type_ in sockets.items()]
        inputs += [{"name": name, "type": "*", "link": None, "widget": {"name": name}} for name in widgets]
        node = {
            "id": number,
            "type": kind,
            "pos": [350 * (number % 6), 400 * (number // 6)],
            "size": [300, 120],
            "mode": mode,
            "inputs": inputs,
            "outputs": [{"name": type_, "type": type_, "links": []} for type_ in outputs],
            "widgets_values": list(values),
        }
        if title:
            node["title"] = title
        self.nodes.append(node)
        for name, source in links.items():
            self.link(source, number, name)
        return Out(number)

    def link(self, source: Out, target: int, name: str) -> None:
        node = self.nodes[target - 1]
        slot = next(slot for slot, socket in enumerate(node["inputs"]) if socket["name"] == name)
        output = self.nodes[source.node - 1]["outputs"][source.slot]
        number = len(self.links) + 1
        node["inputs"][slot]["link"] = number
        output["links"].append(number)
        self.links.append([number, source.node, source.slot, target, slot, output["type"]])

    def typed(self, out: Out, kind: str) -> Out:
        """Gives an output without a type the type `kind`, as the canvas does once it is linked."""
        self.nodes[out.node - 1]["outputs"][out.slot] |= {"type": kind, "name": kind}
        return out

    def ui(self) -> dict[str, Any]:
        whole: dict[str, Any] = {
            "nodes": self.nodes,
            "links": self.links,
            "groups": self.groups,
            "extra": {},
            "version": 0.4,
        }
        return {"last_node_id": len(self.nodes), "last_link_id": len(self.links), **whole}

    def api(self) -> dict[str, Any]:
        """The same as a prompt; what is muted or bypassed is simply there."""
        prompt = {}
        for node in self.nodes:
            if node["type"] in ("Reroute", "SetNode", "GetNode", "PrimitiveNode"):
                continue
            definition = evolved_nodes().get(node["type"])
            values = named_values(definition, node["widgets_values"]) if definition else {}
            links = {part["name"]: self._fed(part["link"]) for part in node["inputs"] if part["link"] is not None}
            prompt[str(node["id"])] = {"class_type": node["type"], "inputs": {**values, **links}}
        return prompt

    def _fed(self, number: int) -> Any:
        """What feeds a link in a prompt: an output, or the value of a primitive."""
        _, origin, slot, *_ = self.links[number - 1]
        node = self.nodes[origin - 1]
        if node["type"] == "PrimitiveNode":
            return node["widgets_values"][0]
        if node["type"] == "GetNode":
            name = node["widgets_values"]
            node = next(other for other in self.nodes if other["type"] == "SetNode" and other["widgets_values"] == name)
        return self._fed(node["inputs"][0]["link"]) if node["type"] in ("Reroute", "SetNode") else [str(origin), slot]

    def sample(self, model: Out, checkpoint: Out, frames: int = 16) -> Out:
        """A sampler and what it needs, behind `model`."""
        text = [self.add("CLIPTextEncode", words, clip=Out(checkpoint.node, 1)) for words in ("a fish", "")]
        latents = self.add("EmptyLatentImage", 64, 64, frames)
        return self.add(
            "KSampler",
            1,
            "fixed",
            4,
            2,
            "euler",
            "normal",
            1,
            model=model,
            positive=text[0],
            negative=text[1],
            latent_image=latents,
        )


def inside(workflow: dict[str, Any]) -> dict[str, Any]:
    """A workflow whose only node is a subgraph with the nodes of `workflow`."""
    keys = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    inner = {
        **{"id": "inner", "name": "motion", "inputNode": {"id": -10}, "outputNode": {"id": -20}, "inputs": []},
        **{"nodes": workflow["nodes"], "groups": [], "outputs": []},
        "links": [dict(zip(keys, link, strict=True)) for link in workflow["links"]],
        "state": {"lastNodeId": workflow["last_node_id"], "lastLinkId": 902},
    }
    outer = {"id": 5000, "type": "inner", "pos": [0, 0], "size": [200, 80], "mode": 0, "inputs": [], "outputs": []}
    return {"nodes": [outer], "links": [], "definitions": {"subgraphs": [inner]}, "version": 0.4}


def subgraph(sketch: Sketch, model: int, sink: Out) -> dict[str, Any]:
    """A workflow whose only node is a subgraph with the nodes of `sketch`: MODEL into the node `model`, MODEL out of
    `sink`."""
    whole = inside(sketch.ui())
    (inner,) = whole["definitions"]["subgraphs"]
    inner["links"] += [
        {"id": 901, "origin_id": -10, "origin_slot": 0, "target_id": model, "target_slot": 0, "type": "MODEL"},
        {"id": 902, "origin_id": sink.node, "origin_slot": 0, "target_id": -20, "target_slot": 0, "type": "MODEL"},
    ]
    sketch.nodes[model - 1]["inputs"][0]["link"] = 901
    sketch.nodes[sink.node - 1]["outputs"][0]["links"].append(902)
    inner["inputs"] = [{"name": "model", "type": "MODEL", "linkIds": [901]}]
    inner["outputs"] = [{"name": "MODEL", "type": "MODEL", "linkIds": [902]}]
    return whole


def _shape(kind: str) -> tuple[dict[str, str], list[str]]:
    if kind in PLAIN:
        return PLAIN[kind]
    if kind in evolved_nodes():
        definition = evolved_nodes()[kind]
        return dict(definition.sockets), list(definition.outputs)
    target = target_nodes()[kind]
    sockets = {entry.name: entry.type for entry in target.inputs.values() if not entry.widget}
    return sockets, [type_ for _, type_ in target.outputs]
