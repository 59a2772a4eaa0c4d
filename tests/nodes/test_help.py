"""Every node has a help page in each language that has any, and its tables say what the schema says."""

import pytest
from PIL import Image

from kinema.nodes import NODES
from tools.help.pictures import path_of
from tools.help.scenes import SCENES
from tools.help.tables import HEADS, pages, with_tables

SCHEMAS = {schema.node_id: schema for schema in (node.define_schema() for node in NODES)}
LANGUAGES = tuple(HEADS)
WITHOUT_PICTURE = {"KinemaLoadClips", "KinemaSaveMotionModel"}  # what they make are files


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("node_id", SCHEMAS)
def test_page(node_id: str, language: str) -> None:
    page = pages(node_id)[language].read_text(encoding="utf-8")
    assert page.startswith("# ") and "```" in page and page.count("\n## ") >= 1
    assert page == with_tables(page, SCHEMAS[node_id], language), "run python3 dev.py docs"


def test_every_page_shows_its_picture() -> None:
    assert SCENES.keys() == SCHEMAS.keys() - WITHOUT_PICTURE
    for node_id in SCENES:
        for page in pages(node_id).values():
            assert f"]({node_id}/{path_of(node_id).name})\n" in page.read_text(encoding="utf-8"), page
        with Image.open(path_of(node_id)) as picture:
            assert picture.width >= 600
    assert sum(path_of(node_id).stat().st_size for node_id in SCENES) < 1_500_000
