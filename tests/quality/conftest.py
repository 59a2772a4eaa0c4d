"""What the miniature shows, judged by the detector: tests of weights, which one host is enough for."""

from typing import Any

import pytest

from kinema.miniature import models


@pytest.fixture(scope="session")
def miniature() -> tuple[Any, Any, Any]:
    """MODEL, CLIP, VAE."""
    return models.load_miniature()
