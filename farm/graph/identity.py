"""What identifies the result of a job, and the ids of its attempts."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from .job import without_notes
from .workflow_file import Graph

UNSTABLE = ("tooltip", "display_name", "description", "search_aliases", "category")
"""What a node's description says to people: translated, reworded, without effect on results."""


def job_key(graph: Graph, host: Any, models: Mapping[str, Any]) -> str:
    """sha256 of all that determines a result.

    `graph` is filled and names input files by the hash of their content, `host` is what the servers have in common
    (`host_facts`), `models` maps "folder/name" to the size and, where known, the sha256 of each model file.
    """
    content = {"graph": without_notes(graph), "host": host, "models": dict(models)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def node_facts(object_info: Mapping[str, Any], kinds: set[str]) -> str:
    """sha256 of what /object_info says of the node types that a workflow uses.

    The choices of combos are left out: they list files, which may come and go.
    """
    facts = {kind: _stable(object_info[kind]) for kind in sorted(kinds)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _stable(described: Any) -> Any:
    if isinstance(described, dict):
        is_list = isinstance(described.get("options"), list)
        left_out = {"options", "default"} if is_list and not any(map(_is_nested, described["options"])) else set()
        return {key: _stable(value) for key, value in described.items() if key not in {*left_out, *UNSTABLE}}
    if isinstance(described, list):
        if described and isinstance(described[0], list):  # a combo in the old style: [choices, options]
            options = described[1] if len(described) > 1 and isinstance(described[1], dict) else {}
            rest = {key: value for key, value in options.items() if key not in ("default", *UNSTABLE)}
            return ["COMBO", rest]
        return [_stable(part) for part in described]
    return described


def _is_nested(option: Any) -> bool:
    return isinstance(option, dict)


def prompt_id(run: uuid.UUID, job_id: str, key: str, attempt: int) -> str:
    """The id of an attempt at a job. `run` is that of the output folder: two farms never take each other's prompts."""
    return str(uuid.uuid5(run, f"{key} {job_id} {attempt}"))
