"""Every node has an English help page. In each language the page's tables say what the schema says."""

import pytest
from PIL import Image

from kinema.nodes import NODES
from tools.help.pictures import path_of
from tools.help.scenes import SCENES, WITHOUT_PICTURE
from tools.help.tables import pages, with_tables

SCHEMAS = {schema.node_id: schema for schema in (node.define_schema() for node in NODES)}
PAGES = [
    (node_id, language)
    for node_id in SCHEMAS
    for language, page in pages(node_id).items()
    if page.exists() or language == "en"
]


@pytest.mark.parametrize(("node_id", "language"), PAGES)
def test_page(node_id: str, language: str) -> None:
    page = pages(node_id)[language]
    assert page.exists(), f"{node_id} needs a help page: write {page}"
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# ") and "```" in text and text.count("\n## ") >= 1
    assert text == with_tables(text, SCHEMAS[node_id], language), "run python3 dev.py docs"


def test_pictures_are_of_nodes_that_are_there() -> None:
    assert SCENES.keys() <= SCHEMAS.keys() - WITHOUT_PICTURE
    assert SCHEMAS.keys() >= WITHOUT_PICTURE


def test_pictures_are_wide_and_small() -> None:
    made = [path_of(node_id) for node_id in SCENES if path_of(node_id).exists()]
    for path in made:
        with Image.open(path) as picture:
            assert picture.width >= 600
    assert sum(path.stat().st_size for path in made) < 1_500_000
