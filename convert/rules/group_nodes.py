"""Group nodes, which older canvases made of several nodes: definitions that hold nodes of AnimateDiff-Evolved."""

from collections.abc import Mapping
from typing import Any

from ..graph.tracing import is_evolved

PREFIXES = ("workflow/", "workflow>")


def without_group_nodes(workflow: Mapping[str, Any]) -> Mapping[str, Any]:
    """`workflow` without unused definitions that hold nodes of ADE: the host looks at all definitions when it opens a
    file. The same object where there are none."""
    extra = workflow.get("extra")
    groups = extra.get("groupNodes") if isinstance(extra, Mapping) else None
    if not isinstance(extra, Mapping) or not isinstance(groups, Mapping):
        return workflow
    used = {
        node.get("type")
        for node in workflow["nodes"]
        if isinstance(node, Mapping) and isinstance(node.get("type"), str)
    }
    stale = {
        name for name, group in groups.items() if _holds_evolved(group) and not used & {p + name for p in PREFIXES}
    }
    if not stale:
        return workflow
    return {
        **workflow,
        "extra": {**extra, "groupNodes": {name: group for name, group in groups.items() if name not in stale}},
    }


def _holds_evolved(group: Any) -> bool:
    nodes = group.get("nodes") if isinstance(group, Mapping) else None
    types = [node.get("type") for node in nodes or () if isinstance(node, Mapping)] if isinstance(nodes, list) else []
    return any(isinstance(kind, str) and is_evolved(kind) for kind in types)
