"""One real server for all tests here, with random models of the smallest shape and files that are no motion models."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tools import random_models, server
from tools.client import Client, Prompt, Result
from tools.graph import to_graph
from tools.server import Server
from tools.workflow import Job, animation

if TYPE_CHECKING:
    from .browser import Canvas

HOST = Path(os.environ["COMFYUI_PATH"])
JOB = Job(
    checkpoint="random_sd15.safetensors",
    motion_model="random_v3_mm.safetensors",
    prompt="a goldfish",
    negative="",
    frames=3,
    width=64,
    height=48,
    fps=6.0,
    steps=2,
    seed=1,
)
CHECKPOINT, LOADER, APPLY, SAMPLER, VIDEO, WEBP = "1", "2", "3", "7", "10", "11"  # node ids of that workflow
PICTURE = "12"  # and of what `prompt` adds


@dataclass(frozen=True)
class Animation:
    """What one run of JOB left: the graph that was sent along, the run, and the two files."""

    graph: dict[str, Any]
    result: Result
    video: Path
    webp: Path


@pytest.fixture(scope="session")
def comfy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base = tmp_path_factory.mktemp("comfyui")
    models = random_models.ensure(HOST)
    folder = base / "models" / "animatediff_models"
    server.place(models.checkpoint, base / "models" / "checkpoints" / JOB.checkpoint)
    server.place(models.motion_model, folder / JOB.motion_model)
    server.place(models.checkpoint, folder / "a_checkpoint.safetensors")
    (folder / "text.safetensors").write_text("no weights in here")
    (folder / "notes.txt").write_text("not a model file at all")
    with server.running(HOST, base, threads=1) as running:
        yield running


@pytest.fixture(scope="session")
def client(comfy: Server) -> Iterator[Client]:
    with Client(comfy.url) as client:
        yield client


@pytest.fixture(scope="session")
def animated(comfy: Server, client: Client) -> Animation:
    prompt = animation(JOB)
    graph = to_graph(prompt, client.object_info())
    result = client.run(prompt, graph)
    video, webp = (comfy.path(result.outputs[node][0]) for node in (VIDEO, WEBP))
    return Animation(graph, result, video, webp)


@pytest.fixture(scope="session")
def prompt() -> Prompt:
    """The demo's workflow, and a PNG of each frame."""
    save = {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "frame"}}
    return {**animation(JOB), PICTURE: save}


@contextmanager
def page_of(comfy: Server, language: str = "en") -> "Iterator[Canvas]":
    """The server's page in a browser; tests that ask for it are skipped, and counted so, where there is none."""
    pytest.importorskip("playwright", reason="needs Playwright, see tools/requirements.txt")
    from .browser import NO_BROWSER, Canvas, find_browser

    program = find_browser()
    if program is None:
        pytest.skip(NO_BROWSER)
    with Canvas(comfy.url, program, language) as canvas:
        yield canvas


@pytest.fixture(scope="session")
def open_page(comfy: Server) -> "Iterator[Canvas]":
    with page_of(comfy) as page:
        yield page


@pytest.fixture
def canvas(open_page: "Canvas") -> "Canvas":
    """The page for all tests, without dialogs that the last one left."""
    open_page.close_dialogs()
    return open_page
