"""Every test here that leaves the number of windows in a model call to Kinema runs with several on the newest host and with
one on the others: on a CPU, Kinema computes one at a time, on a GPU as many as fit into memory."""

import os
from pathlib import Path

import pytest

from kinema.sampling.windows import context_handler
from tools import environment

NEWEST = environment.find().hosts[0]
SEVERAL = Path(os.environ.get("COMFYUI_PATH", NEWEST)).samefile(NEWEST)


@pytest.fixture(autouse=True)
def windows_that_fit(request, monkeypatch):
    """Tests with the mark `one_window` tell windows apart by their model calls."""
    if SEVERAL and request.node.get_closest_marker("one_window") is None:
        monkeypatch.setattr(context_handler, "windows_that_fit", lambda *_: 3)
