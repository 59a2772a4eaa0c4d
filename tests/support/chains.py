"""What a converted workflow has: the nodes of its chain, by class, with their inputs."""

from typing import Any

from evolved_graphs import Out, Sketch

from kinema.convert import convert
from kinema.convert.definitions.node_definitions import target_nodes
from tools.conversions.validity import evolved_types, problems


def chain(sketch: Sketch, accept: bool = False) -> dict[str, dict[str, Any]]:
    """The inputs of Kinema's nodes after the conversion, by their classes; links are the class they come from."""
    before = sketch.ui()
    conversion = convert(before, accept)
    after = conversion.workflow
    assert not problems(before, after, target_nodes()) and not evolved_types(after), conversion.report.text()
    assert convert(after).workflow == after
    sources = {link[0]: link[1] for link in after["links"]}
    types = {node["id"]: node["type"] for node in after["nodes"]}
    found: dict[str, dict[str, Any]] = {}
    for node in after["nodes"]:
        if node["type"] not in target_nodes():
            continue
        values = iter(node["widgets_values"])
        given: dict[str, Any] = {}
        for entry in target_nodes()[node["type"]].inputs.values():
            if entry.widget:
                given[entry.name] = next(values)
                if entry.after:
                    next(values)
        linked = {part["name"]: types[sources[part["link"]]] for part in node["inputs"] if part["link"] is not None}
        name = node["type"].removeprefix("Kinema")
        found[name + "'" * sum(other.rstrip("'") == name for other in found)] = {
            **given,
            **linked,
            "mode": node["mode"],
        }
    return found


def loader(sketch: Sketch, **links: Out) -> tuple[Out, Out]:
    checkpoint = sketch.add("CheckpointLoaderSimple", "a.safetensors")
    return checkpoint, sketch.add("ADE_AnimateDiffLoaderGen1", "mm.ckpt", "autoselect", model=checkpoint, **links)
