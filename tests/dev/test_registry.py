"""pyproject.toml, as the registry and the host's own reader of it want it."""

import fnmatch
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from comfy_config.config_parser import extract_node_configuration

from kinema.sampling.call.host_floor import OLDEST
from tools import registry_page
from tools.environment import REPOSITORY

ADDRESS = "https://github.com/owner/kinema"


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


def test_the_registry_page_gets_links_from_the_repositorys_address(tmp_path: Path) -> None:
    text = registry_page.with_links(registry_page.PROJECT.read_text(encoding="utf-8"), f"{ADDRESS}.git")
    assert registry_page.with_links(text, ADDRESS) == text
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    config = extract_node_configuration(str(tmp_path))
    assert config.project.name == "kinema" and config.tool_comfy.display_name == "Kinema"
    assert (config.project.urls.repository, config.project.urls.issues) == (ADDRESS, f"{ADDRESS}/issues")
    assert config.tool_comfy.icon == f"{ADDRESS}/raw/HEAD/{registry_page.ICON}"
    assert f'Banner = "{ADDRESS}/raw/HEAD/{registry_page.BANNER}"' in text
    with pytest.raises(ValueError, match="Give https://github.com/OWNER/NAME"):
        registry_page.with_links(text, "kinema")


def test_the_pictures_of_the_registry_page_have_its_proportions() -> None:
    sizes = []
    for picture in (registry_page.ICON, registry_page.BANNER):
        drawn = ElementTree.parse(REPOSITORY / picture).getroot()
        sizes.append((int(drawn.attrib["width"]), int(drawn.attrib["height"])))
    (icon_width, icon_height), (banner_width, banner_height) = sizes
    assert icon_width == icon_height <= 400
    assert banner_width * 9 == banner_height * 21


def test_the_package_has_what_people_use_and_no_tests() -> None:
    ignored = (REPOSITORY / ".comfyignore").read_text().splitlines()
    names = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    folders = {name.split("/")[0] for name in names.splitlines()}
    left_out = {folder for folder in folders if any(fnmatch.fnmatch(f"{folder}/", line) for line in ignored)}
    assert left_out == {"tests", ".ci", ".github"} and {"dev.py", "tools", "miniature", "web"} <= folders - left_out


def test_shipped_python_files_can_be_shown_by_any_windows() -> None:
    """comfy-test's lint wants every .py of a package in Windows' code page 1252; `dev.py pack` runs the rest of it."""
    names = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    for name in names.splitlines():
        if not name.startswith("tests/") and (REPOSITORY / name).is_file():
            (REPOSITORY / name).read_text(encoding="utf-8").encode("cp1252")
