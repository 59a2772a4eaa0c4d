"""Another AnimateDiff pack in the same server, loaded before Kinema and after it: no id, folder or patch collides."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tools import random_models, server
from tools.client import Client, Prompt, PromptFailed
from tools.server import PACK, Server
from tools.workflow import animation

from .conftest import APPLY, HOST, JOB, SAMPLER, WEBP, Animation

PEER = "animatediff-peer"
NODES = json.loads((Path(__file__).parents[2] / "node_list.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["before", "after"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base, home = tmp_path_factory.mktemp("comfyui"), tmp_path_factory.mktemp("peer")
    models = random_models.ensure(HOST)
    server.place(models.checkpoint, base / "models" / "checkpoints" / JOB.checkpoint)
    server.place(models.motion_model, base / "models" / "animatediff_models" / JOB.motion_model)
    pack = home / "custom_nodes" / PEER
    (pack / "animatediff_models").mkdir(parents=True)
    server.place(models.motion_model, pack / "animatediff_models" / "of_the_peer.safetensors")
    shutil.copy(Path(__file__).parent / "peer_pack.py", pack / "__init__.py")
    first = "true" if request.param == "before" else "false"
    paths = home / "paths.yaml"
    paths.write_text(f"peer:\n  base_path: {home}\n  is_default: {first}\n  custom_nodes: custom_nodes\n")
    flags = ["--extra-model-paths-config", str(paths), "--whitelist-custom-nodes", PACK, PEER]
    with server.running(HOST, base, threads=1, flags=flags) as running:
        yield running


@pytest.fixture(scope="module")
def client_of_both(both: Server) -> Iterator[Client]:
    with Client(both.url) as client:
        yield client


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.stack([np.asarray(frame.convert("RGB"), dtype=int) for frame in ImageSequence.Iterator(picture)])


def with_peer(prompt: Prompt, *, before: bool) -> Prompt:
    """The peer's sampling node on the model, before Apply Motion Model or after it."""
    inputs, name = (prompt[APPLY if before else SAMPLER]["inputs"], "model")
    patch = {"class_type": "ADE_UseEvolvedSampling", "inputs": {"model": inputs[name], "beta_schedule": "autoselect"}}
    inputs[name] = ["30", 0]
    return {**prompt, "30": patch}


def test_all_nodes_are_there_and_offer_the_files_of_both(client_of_both: Client) -> None:
    info = client_of_both.object_info()
    assert {name: info[name]["display_name"] for name in NODES} == NODES
    assert info["ADE_UseEvolvedSampling"]["python_module"] == f"custom_nodes.{PEER}"
    files = ["of_the_peer.safetensors", JOB.motion_model]
    assert offered(info["ADE_LoadAnimateDiffModel"], "model_name") == files
    assert offered(info["KinemaLoadMotionModel"], "motion_model") == [*files, "miniature_mm.safetensors"]


def test_workflows_of_the_other_are_left_to_it(client_of_both: Client) -> None:
    """Unless the user asks."""
    workflow = with_peer(animation(JOB), before=True)
    assert client_of_both.post("/kinema/convert", {"workflow": workflow, "automatic": True}) == {}
    assert client_of_both.post("/kinema/convert", {"workflow": workflow})["title"]


def offered(described: dict[str, Any], name: str) -> list[str]:
    kind, *rest = described["input"]["required"][name]
    return list(kind if isinstance(kind, list) else rest[0]["options"])


@pytest.mark.parametrize("before", [True, False])
def test_the_windows_of_the_other_are_refused_in_either_order(client_of_both: Client, before: bool) -> None:
    prompt = with_peer(animation(JOB), before=before)
    prompt["30"]["inputs"]["context_options"] = ["31", 0]
    prompt["31"] = {"class_type": "ADE_StandardStaticContextOptions", "inputs": {"context_length": 16}}
    with pytest.raises(PromptFailed, match=r"AnimateDiff-Evolved's context options \(windows of 16 frames\), but"):
        client_of_both.run(prompt)


def test_neither_changes_the_other(both: Server, client_of_both: Client, animated: Animation) -> None:
    """Beside the peer, and after the peer replaced what it does, an animation is what it is without the peer."""

    def run(prompt: Prompt) -> np.ndarray:
        return pixels(both.path(client_of_both.run(prompt).outputs[WEBP][0]))

    alone = pixels(animated.webp)
    np.testing.assert_array_equal(run(animation(JOB)), alone)
    chained = [run(with_peer(animation(JOB), before=before)) for before in (True, False)]
    assert np.abs(chained[0] - alone).max() > 8, "the peer's patch has no effect"
    np.testing.assert_array_equal(*chained)
    again = animation(JOB)
    again[SAMPLER]["inputs"]["seed"] = 2
    run(again)
    np.testing.assert_array_equal(run(animation(JOB)), alone)
