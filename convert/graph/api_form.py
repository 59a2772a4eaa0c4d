"""Prompts as scripts post them: nodes by id, each with its class and its inputs; a link is [id, number of the output]."""

from collections.abc import Mapping
from typing import Any

from .workflow_graph import ACTIVE, GraphNode, NodeId, OutputOf, Socket, WorkflowError, WorkflowGraph

MOST_OUTPUTS = 1000  # of a node; with a larger number it is not a link


def is_api_form(workflow: Any) -> bool:
    if not isinstance(workflow, Mapping) or not workflow:
        return False
    return all(isinstance(node, Mapping) and "class_type" in node for node in workflow.values())


def read_api(raw: Mapping[str, Any]) -> WorkflowGraph:
    """The graph of a prompt. Raises WorkflowError."""
    nodes: dict[NodeId, GraphNode] = {}
    for number, entry in raw.items():
        inputs = entry.get("inputs") or {}
        if not isinstance(entry["class_type"], str) or not isinstance(inputs, Mapping):
            raise WorkflowError(
                f"Node {number} of the prompt has no class or no inputs. The file is damaged: export it from ComfyUI again."
            )
        linked = {name: source for name, value in inputs.items() if (source := _link(value, raw)) is not None}
        sockets = [Socket(name, "*", source) for name, source in linked.items()]
        values = {name: value for name, value in inputs.items() if name not in linked}
        nodes[number] = GraphNode(number, entry["class_type"], ACTIVE, sockets, [], values, entry)
    graph = WorkflowGraph("api", nodes)
    for node in list(nodes.values()):
        for socket in node.sockets:
            if socket.source is not None:
                outputs = nodes[socket.source.node].outputs
                outputs.extend([("", "*")] * (socket.source.slot + 1 - len(outputs)))
    return graph


def write_api(graph: WorkflowGraph, before: Mapping[str, Any]) -> dict[str, Any]:
    """The prompt of `graph`; nodes that did not change are those of `before`."""
    written: dict[str, Any] = {}
    for number, node in graph.nodes.items():
        links = {socket.name: [socket.source.node, socket.source.slot] for socket in node.sockets if socket.source}
        inputs = {**node.values, **links}
        old = before.get(str(number))
        if old is node.raw and inputs == (old.get("inputs") or {}):
            written[str(number)] = old
            continue
        order = list((old or {}).get("inputs") or ()) if old is node.raw else []
        ordered = {name: inputs[name] for name in [*(name for name in order if name in inputs), *inputs]}
        written[str(number)] = {**node.raw, "class_type": node.type, "inputs": ordered}
    return written


def _link(value: Any, raw: Mapping[str, Any]) -> OutputOf | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    node, slot = value
    known = isinstance(node, int | str) and str(node) in raw
    return OutputOf(str(node), slot) if known and isinstance(slot, int) and 0 <= slot < MOST_OUTPUTS else None
