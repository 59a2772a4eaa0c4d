"""The tables of inputs, options and outputs in the help pages, written from the schemas and locale files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..environment import REPOSITORY
from .words import Words, is_explained, option_words, words_in

PAGES = REPOSITORY / "web" / "docs"
BEGIN, END = "<!-- inputs and outputs, written by dev.py docs -->", "<!-- end -->"
HEADS: dict[str, list[str]] = json.loads((Path(__file__).parent / "heads.json").read_text(encoding="utf-8"))
"""By language, what the columns are called: input, default, output, meaning."""


def pages(node_id: str) -> dict[str, Path]:
    """The help pages of a node by language; the English one lies where the host looks when there is no other."""
    others = {language: PAGES / node_id / f"{language}.md" for language in HEADS if language != "en"}
    return {"en": PAGES / f"{node_id}.md"} | others


def with_tables(page: str, schema: Any, language: str) -> str:
    """`page` with its tables up to date. Raises ValueError when it has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The {language} help page of {schema.node_id} lacks the lines {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{tables(schema, words_in(language, schema), language)}\n\n{END}{after}"


def tables(schema: Any, words: Words, language: str) -> str:
    """Markdown; `words` are the node's in `language`."""
    of_input, default, of_output, meaning = HEADS[language]
    parts = []
    rows: list[tuple[str, ...]]
    if schema.inputs:
        rows = [
            (words["inputs"][socket.id]["name"], _default(socket), words["inputs"][socket.id]["tooltip"])
            for socket in schema.inputs
        ]
        parts.append(_table((of_input, default, meaning), rows))
    for socket in filter(is_explained, schema.inputs):
        rows = list(option_words(socket.words, language).items())
        parts.append(_table((words["inputs"][socket.id]["name"], meaning), rows))
    rows = [(each["name"], each["tooltip"]) for each in words["outputs"].values()]
    parts.append(_table((of_output, meaning), rows))
    return "\n\n".join(parts)


def _default(socket: Any) -> str:
    widget = getattr(socket, "input_override", None) or socket  # that of a number that takes a curve too
    value = getattr(widget, "default", None)
    if value is None or value == "":
        return ""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", "<br>") for cell in row) + " |" for row in lines
    )
