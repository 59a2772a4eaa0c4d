"""What a server tells of itself before the first job: versions, nodes, model files, memory."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..graph.identity import node_facts
from .link import Answered, ServerLink, get_json

NO_LIMIT = 2**63  # bytes, of a server that tells no limit of uploads


@dataclass(frozen=True)
class ServedModel:
    """A model file of a server."""

    size: int  # bytes
    path: Path | None  # where the server has it, which may be another machine


@dataclass(frozen=True)
class Facts:
    """One server, as it was when it was asked."""

    version: str  # of ComfyUI
    object_info: Mapping[str, Any]  # its nodes
    models: Mapping[str, Mapping[str, ServedModel]]  # {folder: {name: file}}
    max_upload: int  # bytes
    memory: int  # bytes of its devices, of the machine for a CPU
    arguments: tuple[str, ...]  # of its command line

    def common(self, kinds: set[str]) -> dict[str, str]:
        """What results depend on, for a workflow with these node types."""
        return {"comfyui": self.version, "nodes": node_facts(self.object_info, kinds)}


def difference(own: Mapping[str, str], others: Mapping[str, str]) -> str | None:
    """What makes a server's results other ones than those of the others, of what `Facts.common` tells of both."""
    if own["comfyui"] != others["comfyui"]:
        return f"it has ComfyUI {own['comfyui']}, but the other servers have {others['comfyui']} (--mixed allows this)"
    if own["nodes"] != others["nodes"]:
        return (
            "its nodes differ from those of the other servers: install the same packs (--mixed allows the difference)"
        )
    return None


def missing_model(facts: Facts, models: Mapping[str, int]) -> str | None:
    """The first of `models`, {"folder/name": bytes}, that a server does not have in this size."""
    for name, size in models.items():
        folder, _, file = name.partition("/")
        found = facts.models.get(folder, {}).get(file)
        if found is None or found.size != size:
            there = f"has {found.size} bytes" if found else "is missing"
            return f"its {name} {there}, but on the other servers this file has {size} bytes (--mixed allows this)"
    return None


async def ask(link: ServerLink) -> Facts:
    """Raises LinkLost or Answered."""
    stats, info, features = await asyncio.gather(
        get_json(link, "/system_stats"), get_json(link, "/object_info"), _or_empty(link, "/features")
    )
    folders = await _or_empty(link, "/experiment/models")
    models = {folder["name"]: await _files(link, folder) for folder in folders}
    devices = stats.get("devices") or []
    memory = sum(int(device.get("vram_total") or 0) for device in devices)
    limit = features.get("max_upload_size") if isinstance(features, dict) else None
    system = stats["system"]
    return Facts(
        version=str(system.get("comfyui_version")),
        object_info=info,
        models=models,
        max_upload=int(limit or NO_LIMIT),
        memory=memory,
        arguments=tuple(map(str, system.get("argv") or ())),
    )


async def _files(link: ServerLink, folder: Mapping[str, Any]) -> dict[str, ServedModel]:
    places = folder.get("folders") or []
    files = {}
    for file in await _or_empty(link, f"/experiment/models/{folder['name']}"):
        number = file.get("pathIndex", 0)
        path = Path(places[number]) / file["name"] if number < len(places) else None
        files[str(file["name"])] = ServedModel(int(file.get("size") or 0), path)
    return files


async def _or_empty(link: ServerLink, path: str) -> Any:
    """Nothing where a server has no such page."""
    try:
        return await get_json(link, path)
    except Answered:
        return []
