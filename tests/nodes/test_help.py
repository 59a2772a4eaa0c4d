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
    listed = [line for line in page.splitlines() if line.startswith("| ")]
    current = [line for line in with_tables(page, SCHEMAS[node_id], language).splitlines() if line.startswith("| ")]
    # A default that is a file or folder of this machine is not the page's.
    assert [cells(line) for line in listed] == [cells(line) for line in current], "run python3 dev.py docs"


def cells(row: str) -> tuple[str, str]:
    """Name and meaning."""
    parts = row.strip("| ").split(" | ")
    return parts[0], parts[-1]
