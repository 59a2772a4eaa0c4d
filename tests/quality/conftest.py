"""What the miniature shows, judged by the detector: tests of weights, which one host is enough for."""

import os
from pathlib import Path
from typing import Any

import pytest

from kinema.miniature import models
from tools import environment

HOST = Path(os.environ.get("COMFYUI_PATH", ""))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    older = [f"comfyui-{version}" for version in environment.VERSIONS[1:]]
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and HOST.name in older:
            item.add_marker(pytest.mark.skip(reason="quality of the weights is tested on the newest host"))


@pytest.fixture(scope="session")
def miniature() -> tuple[Any, Any, Any]:
    """MODEL, CLIP, VAE."""
    return models.load_miniature()
