"""The models that most tests here sample with; none of them changes one."""

from typing import Any

import pytest
import tiny

from kinema.motion.load import load_motion_model


@pytest.fixture(scope="module")
def model() -> Any:
    """MODEL of SD1.5, tiny."""
    return tiny.image_model()


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """MOTION_MODEL of v3 for it."""
    return load_motion_model(tiny.save(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("m") / "v3_mm.safetensors"))
