"""What a canvas queues, in the form in which the server and the farm know it."""

from typing import Any

from kinema.farm.graph.job import without_notes
from tools.client import Prompt


def served(prompt: Prompt, info: dict[str, Any]) -> dict[str, Any]:
    """`prompt` without what only the page knows, such as the preview of a video."""
    for node in prompt.values():
        known = {name for kind in info[node["class_type"]]["input"].values() for name in kind}
        node["inputs"] = {name: value for name, value in node["inputs"].items() if name.split(".")[0] in known}
    return without_notes(prompt)
