"""The models that most tests here sample with; none of them changes one."""

from typing import Any

import exact
import pytest
import tiny

from kinema.miniature.models import FOLDER, VAE, load_vae
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.run.attach import attach


@pytest.fixture(scope="module")
def model() -> Any:
    """MODEL of SD1.5, tiny, in float64."""
    return exact.image_model()


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """MOTION_MODEL of v3 for it, in float64."""
    return exact.motion_model(tiny.motion_weights(seed=8), tmp_path_factory.mktemp("m") / "v3_mm.safetensors")


@pytest.fixture(scope="module")
def animated(model: Any, motion: Any) -> Any:
    """MODEL with the motion model."""
    return attach(model, motion, Applied(), KEEP)


@pytest.fixture(scope="module")
def vae() -> Any:
    """The miniature's VAE."""
    return load_vae(str(FOLDER / VAE))
