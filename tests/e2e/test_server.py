"""Starting and stopping the server."""

import socket
from pathlib import Path

import pytest

from tools import server

from .conftest import HOST


def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        said = r"(?s)ended with exit code \d+ while starting:.*in use"
        with pytest.raises(server.ServerError, match=said), server.running(HOST, tmp_path, port=port):
            pass


def test_the_server_is_stopped_when_the_block_raises(tmp_path: Path) -> None:
    started = []
    with pytest.raises(KeyboardInterrupt), server.running(HOST, tmp_path, threads=1) as comfy:
        started.append(comfy)
        raise KeyboardInterrupt
    assert not started[0].is_running()
