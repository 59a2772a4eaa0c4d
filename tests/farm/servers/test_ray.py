"""What is refused before and on a Ray cluster. `test_nothing_lost.py` runs a real one."""

import asyncio
from pathlib import Path

import pytest

from kinema.farm.graph.refused import Refused
from kinema.farm.servers.link import LinkLost
from kinema.farm.servers.ray_actor import ServerActor
from kinema.farm.servers.ray_address import refusal, set_token

MISMATCH = (
    "Version mismatch: The cluster was started with:\n    Ray: 2.60.0\nThis process was started with:\n    Ray: 2.59.0"
)


def test_a_ray_client_is_refused() -> None:
    with pytest.raises(
        Refused,
        match="--ray ray://head:10001 connects from outside the cluster: run this command on a node of the cluster",
    ):
        set_token("ray://head:10001")


def test_what_ray_says_is_passed_on() -> None:
    assert refusal("auto", MISMATCH).startswith(f"--ray auto: {MISMATCH}\nRun this command with the Python of")
    assert "RAY_AUTH_TOKEN are set as on its nodes" in refusal("auto", "Failed to connect")


def test_a_node_without_comfyui_has_no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    actor = ServerActor("ray-1", "run", [])
    why = asyncio.run(actor.ready())
    assert why is not None and why.startswith("ray-1 on ") and f"COMFYUI_PATH is {tmp_path}, which contains no" in why
    with pytest.raises(LinkLost, match="which contains no ComfyUI"):
        asyncio.run(actor.request("GET", "/queue", None, None))
