"""Every test runs inside a real ComfyUI: the one COMFYUI_PATH names, else the newest that dev.py uses."""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from screen import Screen

TESTS = Path(__file__).resolve().parent

sys.path.insert(0, str(TESTS.parent))
from tools import in_host  # noqa: E402

gc.disable()  # until all tests are collected: nothing of what collecting makes is garbage
# Takes the repository off the path again: its `nodes` would hide the host's. The servers of the tests end to end compute
# attention as the host does on CPUs.
HOST = in_host.enter(threads=1, cpu=True, torch_attention=True)

SLOW = (
    *(
        "dev/test_extending.py",
        "dev/test_chains.py",
        "dev/test_import.py",
        "dev/test_summary.py",
        "evaluation",
        "miniature",
        "quality",
        "training",
        "motion/test_hostile.py",
    ),
    *("nodes/test_evaluation_nodes.py", "sampling/run/test_compiled.py", "sampling/run/test_neighbours.py"),
    "sampling/run/test_preview.py",
    *(
        "sampling/noise/test_animation_noise.py",
        "sampling/latents/test_inject_image.py",
        "sampling/noise/test_refine_noise.py",
    ),
    *("sampling/guidance", "sampling/modules/test_curved_lora.py", "sampling/latents/test_text2video_zero.py"),
    "sampling/modules/test_guides.py",
    *("sampling/windows/test_loops.py", "sampling/windows/test_cut.py", "sampling/windows/test_batches.py"),
    *(
        "sampling/windows/test_context_handler.py",
        "sampling/windows/test_controlnets.py",
        "sampling/windows/test_window_reference.py",
    ),
    *("sampling/windows/test_control_nodes.py", "sampling/modules/test_controls.py"),
    *("sampling/camera/test_camera.py", "sampling/sparsectrl", "sampling/pictures"),
)
"""What `dev.py test --fast` leaves out, to end in a few minutes: all that samples many times for one feature."""

LONGEST = (
    *("quality/test_animation.py", "e2e/test_windows_server.py", "e2e/test_templates.py", "e2e/test_demo.py"),
    *("e2e/test_control_server.py", "e2e/test_training.py", "e2e/test_help_panel.py", "e2e/test_sharing.py"),
    *("sampling/windows/test_control_nodes.py", "sampling/run/test_neighbours.py", "motion/test_hostile.py", "quality"),
    *("sampling/guidance", "miniature", "sampling", "training"),
)
"""Run first and in this order, so that no process works on a long file when the others have nothing left to do."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--draft", action="store_true", help="list what nodes lack before a release, do not fail for it")


@pytest.fixture(scope="session")
def draft(pytestconfig: pytest.Config) -> bool:
    """Whether the nodes may be incomplete, see `tools/help/missing.py`."""
    return bool(pytestconfig.getoption("--draft"))


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> "Iterator[Screen]":
    """Has nodes run as the host runs them, with a page that listens."""
    from comfy_execution.utils import CurrentNodeContext
    from screen import Screen
    from server import PromptServer

    screen = Screen()
    monkeypatch.setattr(PromptServer, "instance", screen, raising=False)
    with CurrentNodeContext("prompt", "7", 0):
        yield screen


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)
    for item in items:
        if any(item.path.is_relative_to(TESTS / slow) for slow in SLOW):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    gc.freeze()  # or each collection would walk through all tests, which takes a second
    gc.enable()


def _turn(item: pytest.Item) -> int:
    places = (place for place, path in enumerate(LONGEST) if item.path.is_relative_to(TESTS / path))
    return next(places, len(LONGEST))


def pytest_report_header() -> str:
    import torch

    return f"ComfyUI: {HOST}, CPU: {torch.backends.cpu.get_cpu_capability()}"
