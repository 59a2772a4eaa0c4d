"""A workflow as the canvas draws it, turned into the form that a server runs: what the web client does when it queues.

Muted and bypassed nodes, reroutes, primitives and subgraphs are resolved as the client resolves them. What only a pack's
own scripts in the browser know, such as nodes that the server lacks, is refused.
"""

from collections.abc import Mapping
from typing import Any

from .drawing_scope import MODE_BYPASSED, MODE_MUTED, PRIMITIVE, Scope, is_virtual, root_scope, scopes_of
from .drawn_values import RandomText, widget_values
from .refused import Refused
from .workflow_file import EXPORT, Graph


def to_api_form(workflow: Mapping[str, Any], object_info: Mapping[str, Any]) -> Graph:
    """The graph that the canvas would queue. Raises Refused with every reason why that is not possible."""
    root = root_scope(workflow, object_info)
    scopes = scopes_of(root)
    errors = _unknown(scopes, object_info)
    if errors:
        raise Refused(errors)
    graph: Graph = {}
    for scope in scopes:
        primitives = _primitive_values(scope)
        for node_id, node in scope.nodes.items():
            if is_virtual(node) or node.get("mode") in (MODE_MUTED, MODE_BYPASSED) or scope.is_subgraph(node):
                continue
            info = object_info[node["type"]]
            try:
                inputs = widget_values(node, info)
            except RandomText as error:
                errors.append(f"node #{scope.full_id(node_id)}: {error}. {EXPORT}, which makes the choice once")
                continue
            inputs |= {name: value for name, value in scope.promoted(node_id).items() if name in inputs}
            inputs |= {name: value for name, value in primitives.get(node_id, {}).items() if name in inputs}
            for slot, name in enumerate(scope.input_names(node)):
                source = scope.source_of_input(node, slot)
                if source is not None:
                    inputs[name] = source.value if source.is_value else [source.node_id, source.slot]
            title = node.get("title") or info.get("display_name") or node["type"]
            graph[scope.full_id(node_id)] = {
                "inputs": inputs,
                "class_type": node["type"],
                "_meta": {"title": title},
            }
    if errors:
        raise Refused(errors)
    return graph


def _unknown(scopes: list[Scope], object_info: Mapping[str, Any]) -> list[str]:
    kinds: dict[str, list[str]] = {}
    for scope in scopes:
        for node_id, node in scope.nodes.items():
            is_off = node.get("mode") in (MODE_MUTED, MODE_BYPASSED)
            if not (is_off or is_virtual(node) or scope.is_subgraph(node) or node["type"] in object_info):
                kinds.setdefault(node["type"], []).append(f"#{scope.full_id(node_id)}")
    return [
        f'the server has no node "{kind}" ({", ".join(ids)}). Install the pack of this node. '
        f"{EXPORT} if the node exists only in the browser"
        for kind, ids in kinds.items()
    ]


def _primitive_values(scope: Scope) -> dict[str, dict[str, Any]]:
    """{node id: {input: value}} of what primitive nodes set: a primitive's value is copied into the widgets it leads to."""
    values: dict[str, dict[str, Any]] = {}
    for node in scope.nodes.values():
        saved = node.get("widgets_values") or []
        if node["type"] == PRIMITIVE and saved and node.get("mode") not in (MODE_MUTED, MODE_BYPASSED):
            for target, name in scope.targets_of(node):
                values.setdefault(target, {})[name] = saved[0]
    return values
