"""Every test here that leaves the number of windows in a model call to Kinema runs with one and with several: on a CPU,
Kinema computes one at a time, on a GPU as many as fit into memory."""

import pytest

from kinema.sampling.windows import context_handler


@pytest.fixture(autouse=True, params=[3], ids=["several windows"])
def windows_that_fit(request, monkeypatch):
    monkeypatch.setattr(context_handler, "windows_that_fit", lambda *_: request.param)
