"""A ComfyUI that the user has wins over the installed ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import environment, host, server
from tools.environment import LOCK, REPOSITORY, VERSIONS


def find(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """What `environment.find` says in a process that starts in `checkout`: one host a line, then the Python."""
    script = "from tools import environment as e; f = e.find(); print(*f.hosts, f.python, sep='\\n')"
    clean = {name: value for name, value in os.environ.items() if name not in ("COMFYUI_PATH", "PYTHONPATH")}
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(checkout)!r}); {script}"]
    return subprocess.run(command, env=clean | variables, capture_output=True, text=True)


def a_host(folder: Path) -> Path:
    (folder / "comfy").mkdir(parents=True)
    (folder / "main.py").touch()
    return folder


def test_the_installed_hosts_are_in_the_cache_newest_first(tmp_path: Path) -> None:
    lines = find(REPOSITORY, KINEMA_CACHE=str(tmp_path)).stdout.splitlines()
    assert lines[:-1] == [str(tmp_path / f"comfyui-{version}") for version in VERSIONS]
    assert Path(lines[-1]).is_relative_to(tmp_path)


def test_a_checkout_in_custom_nodes_uses_that_comfyui_and_this_python(tmp_path: Path) -> None:
    host = a_host(tmp_path / "ComfyUI")
    checkout = host / "custom_nodes" / "any-name"
    server.place(REPOSITORY, checkout)
    assert find(checkout).stdout.splitlines() == [str(host), sys.executable]


@pytest.mark.parametrize("inside", [True, False], ids=["from inside", "from elsewhere"])
def test_a_checkout_that_is_linked_into_custom_nodes(inside: bool, tmp_path: Path) -> None:
    host = a_host(tmp_path / "ComfyUI")
    link = host / "custom_nodes" / "any-name"
    server.place(REPOSITORY, link)
    clean = {name: value for name, value in os.environ.items() if name not in ("COMFYUI_PATH", "PYTHONPATH")}
    folder, script = (link, "dev.py") if inside else (tmp_path, str(link / "dev.py"))
    command, variables = [sys.executable, script, "install"], clean | {"PWD": str(folder)}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.stdout.splitlines() == [f"Python: {sys.executable}", f"ComfyUI: {host}"], done.stderr


def test_comfyui_path_wins(tmp_path: Path) -> None:
    host = a_host(tmp_path / "mine")
    assert find(REPOSITORY, COMFYUI_PATH=str(host)).stdout.splitlines() == [str(host), sys.executable]


def test_a_comfyui_path_without_comfyui_is_refused(tmp_path: Path) -> None:
    assert "which contains no ComfyUI. Name the folder" in find(REPOSITORY, COMFYUI_PATH=str(tmp_path)).stderr


def test_an_installed_host_gets_the_web_client_that_it_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINEMA_CACHE", str(tmp_path))
    (brought,) = (line for line in LOCK.read_text().splitlines() if line.startswith("comfyui-frontend-package=="))
    older = "comfyui-frontend-package==1.39.19"
    for name, pin in (("new", brought), ("old", older)):
        (a_host(tmp_path / name) / "requirements.txt").write_text(f"{pin}\ntorch\n")
    assert environment.frontend(tmp_path / "new") is None
    assert environment.frontend(tmp_path / "old") == tmp_path / "comfyui-frontend-package-1.39.19"
    assert environment.frontend(a_host(tmp_path / "elsewhere" / "own")) is None


def test_dev_host_makes_the_folders_that_it_names(tmp_path: Path) -> None:
    made = host.folders(tmp_path / "host")
    assert [folder.name for folder in made] == ["checkpoints", "animatediff_models"]
    assert all(folder.is_dir() for folder in made) and host.folders(tmp_path / "host") == made
