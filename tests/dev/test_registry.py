"""pyproject.toml, as the registry and the host's own reader of it want it."""

import re

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
