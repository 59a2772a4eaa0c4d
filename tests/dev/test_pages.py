"""The pages for people: what they link to is there, and the README offers the files that the templates name."""

import re
from itertools import combinations
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from kinema.nodes import NODES
from kinema.nodes.inputs.motion_files import FILES, register_folders
from tools.environment import REPOSITORY
from tools.templates.all import TEMPLATES
from tools.templates.downloads import CANNY, SD15

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
LINK = re.compile(r"""\]\(([^)\s]+)\)|<img src="([^"]+)\"""")
MODEL_FILE = re.compile(r"\b(?:v\d_sd15|v\d_lora|mm_sd|animatediff_lightning|AnimateLCM_|CameraCtrl_)\w+")
README = PAGES[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    found = [markdown or html for markdown, html in LINK.findall(page.read_text(encoding="utf-8"))]
    files = [unquote(link.partition("#")[0]) for link in found if not link.startswith(("https:", "#"))]
    assert [file for file in files if not (page.parent / file).exists()] == []


def test_the_readme_links_the_files_of_the_templates() -> None:
    """Of Kinema's own kinds; ComfyUI offers checkpoints and ControlNets."""
    links = {link for template in TEMPLATES for node in template.nodes.values() for link in node.models}
    assert not [link.url for link in links - {SD15, CANNY} if f"]({link.url})" not in README]


def test_the_readme_has_the_file_names_of_tooltips_and_messages() -> None:
    register_folders()
    schemas = [node.define_schema() for node in NODES]
    tooltips = [socket.tooltip for schema in schemas for socket in schema.inputs]
    named = {name for tooltip in tooltips for name in MODEL_FILE.findall(tooltip)}
    assert len(named) >= 5 and not [name for name in named if name not in README]
    assert not [example for _, example in FILES.values() if f"[{example}](" not in README.replace("`", "")]


def test_templates_play_at_the_speed_and_the_size_of_their_models() -> None:
    """8 frames per second; 128 x 128 with the miniature, CameraCtrl's 384 x 256, else 512 x 512."""
    for template in TEMPLATES:
        kinds = {node.kind for node in template.nodes.values()}
        side = [128, 128] if "KinemaLoadMiniature" in kinds else [384, 256] if "KinemaLoadCameraCtrl" in kinds else None
        for node in template.nodes.values():
            if node.kind == "CreateVideo":
                assert node.inputs["fps"] == 8, template.name
            if node.kind in ("EmptyLatentImage", "ImageScale"):
                assert [node.inputs["width"], node.inputs["height"]] == (side or [512, 512]), template.name


def test_the_pictures_of_templates_show_different_scenes() -> None:
    """As a person sees them in the gallery: at least 4 % of the value range lies between any two."""
    pictures = []
    for path in sorted((REPOSITORY / "example_workflows").glob("*.jpg")):
        with Image.open(path) as picture:
            pictures.append(np.asarray(picture.convert("RGB").resize((32, 32)), dtype=float) / 255)
    least = min(np.abs(one - other).mean() for one, other in combinations(pictures, 2))
    assert least > 0.04


def test_the_first_screen_of_the_readme_moves() -> None:
    first = README.partition("\n## ")[0]
    assert first.index("hero.webp") < first.index("**Kinema is AnimateDiff for ComfyUI")
    assert first.index("**Install**") < first.index("graph.webp")
