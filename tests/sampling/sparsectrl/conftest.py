from typing import Any

import pytest
import sparse

from kinema.sampling.sparsectrl.sparse_model import SparseModel


@pytest.fixture(scope="session")
def scribble(tmp_path_factory: pytest.TempPathFactory) -> SparseModel:
    """A SparseCtrl model for sketches, in float64."""
    return sparse.exact_model(sparse.weights("scribble"), tmp_path_factory.mktemp("s") / "scribble.safetensors")


@pytest.fixture(scope="session")
def rgb(tmp_path_factory: pytest.TempPathFactory) -> SparseModel:
    """The same for photographs."""
    return sparse.exact_model(sparse.weights("rgb"), tmp_path_factory.mktemp("s") / "rgb.safetensors")


@pytest.fixture
def vae() -> Any:
    return sparse.TinyVae()
