"""docs/architecture.md shows the house that there is."""

import ast
import re
from pathlib import Path

from tools.environment import REPOSITORY

PAGE = REPOSITORY / "docs" / "architecture.md"
LAYERS = ("motion", "sampling", "training", "evaluation", "miniature", "nodes")


def section(title: str) -> str:
    """The text of the page below a heading, up to the next one."""
    (text,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return text


def first_line(module: Path) -> str:
    """Of the docstring of a package."""
    told = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    assert told, f"{module} needs a docstring"
    return told.splitlines()[0]


def test_the_table_of_rooms_names_every_folder_and_says_what_its_package_says() -> None:
    packages = sorted(module for layer in LAYERS for module in (REPOSITORY / layer).rglob("__init__.py"))
    rows = [f"| `{p.parent.relative_to(REPOSITORY).as_posix()}/` | {first_line(p)} |" for p in packages]
    table = [line for line in section("Rooms").splitlines() if line.startswith("| `")]
    assert table == rows
