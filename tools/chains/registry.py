"""The nodes of the pack, as the host registers them. For a process that has entered the host."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import kinema

from .chain import PREFIX

TAKING_AWAY = ("RemoveMotion",)
"""Nodes that take what others have put on a MODEL off it."""


@cache
def nodes() -> dict[str, Any]:
    """{node id without the pack's prefix: the node's class}."""
    return {each.define_schema().node_id.removeprefix(PREFIX): each for each in asyncio.run(_registered())}


async def _registered() -> list[Any]:
    extension = await kinema.comfy_entrypoint()  # type: ignore[no-untyped-call]
    await extension.on_load()
    return list(await extension.get_node_list())


@cache
def schemas() -> dict[str, Any]:
    """{node id without the pack's prefix: the node's schema}."""
    return {name: node.define_schema() for name, node in nodes().items()}


def from_model_to_model() -> list[str]:
    """The ids, without prefix, of the nodes that take a MODEL and give one with more on it."""

    def has(sockets: list[Any]) -> bool:
        return any("MODEL" in socket.get_io_type().split(",") for socket in sockets)

    adding = {name: schema for name, schema in schemas().items() if name not in TAKING_AWAY}
    return [name for name, schema in adding.items() if has(schema.inputs) and has(schema.outputs)]
