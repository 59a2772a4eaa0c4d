"""What keeps a local server running: here, a web server of Python's own stands where ComfyUI would."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from kinema.farm.graph.refused import Refused
from kinema.farm.servers.local_servers import KEEPER
from kinema.farm.servers.own_comfyui import comfyui_folder, device_flags


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kept(port: int, *command: str) -> "subprocess.Popen[bytes]":
    silent = subprocess.DEVNULL
    whole = [sys.executable, str(KEEPER), str(port), sys.executable, *command]
    return subprocess.Popen(whole, stdin=subprocess.PIPE, stdout=silent, stderr=silent)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_server_that_crashes_is_started_again_and_none_is_left_behind() -> None:
    port = free_port()
    keeper = kept(port, "-m", "http.server", str(port), "--bind", "127.0.0.1")
    until(lambda: answers(port))
    (first,) = psutil.Process(keeper.pid).children()
    first.kill()
    until(lambda: [child.pid for child in psutil.Process(keeper.pid).children()] not in ([], [first.pid]))
    (second,) = psutil.Process(keeper.pid).children()
    until(lambda: answers(port))
    assert keeper.stdin is not None
    keeper.stdin.close()  # as the system does when the farm is killed
    assert keeper.wait(20) == 0
    until(lambda: not second.is_running())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_a_server_ends_with_its_keeper() -> None:
    port = free_port()
    keeper = kept(port, "-m", "http.server", str(port), "--bind", "127.0.0.1")
    until(lambda: answers(port))
    (server,) = psutil.Process(keeper.pid).children()
    keeper.kill()
    until(lambda: not server.is_running())


def test_a_server_that_never_answers_is_given_up() -> None:
    keeper = kept(free_port(), "-c", "raise SystemExit(7)")
    assert keeper.wait(20) == 7


def test_one_server_for_each_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
    assert device_flags(2, []) == [["--cuda-device", "2"], ["--cuda-device", "3"]]
    assert device_flags(4, ["--cpu"]) == [[]] * 4
    with pytest.raises(
        Refused, match=r"--local 3 asks for more servers than there are GPUs \(this machine has 2 GPUs\)"
    ):
        device_flags(3, [])


def test_a_folder_without_comfyui_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    with pytest.raises(
        Refused, match="COMFYUI_PATH is .*, which contains no ComfyUI: name the folder that contains its main"
    ):
        comfyui_folder()
