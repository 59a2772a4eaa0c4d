"""The models that most tests here sample with; none of them changes one."""

from typing import Any

import exact
import pytest
import tiny


@pytest.fixture(scope="module")
def model() -> Any:
    """MODEL of SD1.5, tiny, in float64."""
    return exact.image_model()


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """MOTION_MODEL of v3 for it, in float64."""
    return exact.motion_model(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("m") / "v3_mm.safetensors")
