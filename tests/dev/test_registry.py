"""pyproject.toml, as the registry and the host's own reader of it want it."""

import fnmatch
import re
import subprocess

from comfy_config.config_parser import extract_node_configuration

from kinema.sampling.call.host_floor import OLDEST
from tools.environment import REPOSITORY


def test_the_host_reads_what_the_registry_asks_for() -> None:
    config = extract_node_configuration(str(REPOSITORY))
    project, comfy = config.project, config.tool_comfy
    assert re.fullmatch(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*", project.name) and "comfyui" not in project.name
    assert re.fullmatch(r"\d+\.\d+\.\d+", project.version)
    assert project.description and (REPOSITORY / project.license.file).is_file()
    assert project.dependencies == []  # nothing that could replace the user's torch
    assert project.supported_os == ["OS Independent"]
    assert project.supported_comfyui_version == ">=" + ".".join(map(str, OLDEST))
    assert re.fullmatch(r"[a-z0-9-]+", comfy.publisher_id) and comfy.display_name == "Kinema"
    assert comfy.web is None  # help pages are found by the folder's name


def test_the_package_has_what_people_use_and_no_tests() -> None:
    ignored = (REPOSITORY / ".comfyignore").read_text().splitlines()
    names = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    folders = {name.split("/")[0] for name in names.splitlines()}
    left_out = {folder for folder in folders if any(fnmatch.fnmatch(f"{folder}/", line) for line in ignored)}
    assert left_out == {"tests", ".ci"} and {"dev.py", "tools", "miniature", "web"} <= folders - left_out


def test_shipped_python_files_can_be_shown_by_any_windows() -> None:
    """comfy-test's lint wants every .py of a package in Windows' code page 1252; `dev.py pack` runs the rest of it."""
    names = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    for name in names.splitlines():
        if not name.startswith("tests/") and (REPOSITORY / name).is_file():
            (REPOSITORY / name).read_text(encoding="utf-8").encode("cp1252")
