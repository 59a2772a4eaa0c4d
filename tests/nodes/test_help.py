"""Every node has a help page in each language that has any, and its tables say what the schema says."""

import pytest

from kinema.nodes import NODES
from tools.help.tables import HEADS, pages, with_tables

SCHEMAS = {schema.node_id: schema for schema in (node.define_schema() for node in NODES)}
LANGUAGES = tuple(HEADS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("node_id", SCHEMAS)
def test_page(node_id: str, language: str) -> None:
    page = pages(node_id)[language].read_text(encoding="utf-8")
    assert page.startswith("# ") and "```" in page and page.count("\n## ") >= 1
    assert page == with_tables(page, SCHEMAS[node_id], language), "run python3 dev.py docs"
