"""The pages for people: what they link to is there, and the README offers the files that the templates name."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tools.environment import REPOSITORY
from tools.templates.all import TEMPLATES
from tools.templates.downloads import CANNY, SD15

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
LINK = re.compile(r"""\]\(([^)\s]+)\)|<img src="([^"]+)\"""")
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


def test_the_first_screen_of_the_readme_moves() -> None:
    first = README.partition("\n## ")[0]
    assert first.index("hero.webp") < first.index("**Kinema is AnimateDiff for ComfyUI")
    assert first.index("**Install**") < first.index("graph.webp")
