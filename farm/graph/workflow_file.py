"""The workflow that the user names: a file in API form, or as saved from the canvas."""

import json
from pathlib import Path
from typing import Any

from .metadata import texts_in
from .refused import Refused

Graph = dict[str, dict[str, Any]]  # {node id: {"class_type": ..., "inputs": {...}, "_meta": {"title": ...}}}

EXPORT = 'Open the workflow in ComfyUI and save it with "Export (API)"'


def read_workflow(file: Path) -> dict[str, Any]:
    """A graph in API form, or a workflow as the canvas draws it (`is_drawn`).

    Of a PNG, WebP or MP4 file this is the prompt that made it, or the workflow when the file has no prompt.
    Raises Refused for anything else.
    """
    if not file.is_file():
        raise Refused([f"there is no workflow {file}: name a .json, .png, .webp or .mp4 file"])
    try:
        text = _json_of(file)
        content = json.loads(text)
    except ValueError as error:
        raise Refused([f"{file.name} contains no workflow ({error}). {EXPORT}"]) from error
    if not isinstance(content, dict) or not content:
        raise Refused([f"{file.name} contains a value of type {type(content).__name__}, not a workflow. {EXPORT}"])
    if is_drawn(content):
        return content
    return _api_form(content, file.name)


def is_drawn(workflow: dict[str, Any]) -> bool:
    """Whether a workflow has positions and widgets, as the canvas saves it, instead of inputs by name."""
    return isinstance(workflow.get("nodes"), list)


def _json_of(file: Path) -> str:
    texts = texts_in(file)
    if texts:
        return texts.get("prompt") or texts["workflow"]
    return file.read_text(encoding="utf-8")


def _api_form(content: dict[str, Any], name: str) -> Graph:
    """Without what the server adds when it saves a prompt; `extra` names that other tools write are left out, too."""
    graph: Graph = {}
    for node_id, node in content.items():
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
            raise Refused([f'{name} is not a workflow in API form: "{node_id}" has no class_type. {EXPORT}'])
        inputs = node.get("inputs")
        if not isinstance(inputs, dict):
            raise Refused([f"{name}: node #{node_id} ({node['class_type']}) has no inputs. {EXPORT}"])
        title = (node.get("_meta") or {}).get("title")
        graph[node_id] = {"inputs": inputs, "class_type": node["class_type"]}
        if isinstance(title, str):
            graph[node_id]["_meta"] = {"title": title}
    return graph


def is_link(value: Any) -> bool:
    """Whether an input's value names an output of another node: [node id, number of the output]."""
    return (
        isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int | float)
    )
