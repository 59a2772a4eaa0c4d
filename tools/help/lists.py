"""The lists of inputs, options and outputs in the help pages, written from the schemas and locale files.

Lists and not tables: at its default width, the help panel shows two columns of a table and cuts off the rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..environment import REPOSITORY
from .words import Words, is_explained, option_words, words_in

PAGES = REPOSITORY / "web" / "docs"
BEGIN, END = "<!-- inputs and outputs, written by dev.py docs -->", "<!-- end -->"
HEADS: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "heads.json").read_text(encoding="utf-8"))
"""By language: the headings above the inputs and above the outputs, and the sentence of tooltips that sends readers to
this page, which leaves it out."""


def pages(node_id: str) -> dict[str, Path]:
    """The help pages of a node by language; the English one lies where the host looks when there is no other."""
    others = {language: PAGES / node_id / f"{language}.md" for language in HEADS if language != "en"}
    return {"en": PAGES / f"{node_id}.md"} | others


def with_lists(page: str, schema: Any, language: str) -> str:
    """`page` with its lists up to date. Raises ValueError when it has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The {language} help page of {schema.node_id} lacks the lines {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{lists(schema, words_in(language, schema), language)}\n\n{END}{after}"


def lists(schema: Any, words: Words, language: str) -> str:
    """Markdown; `words` are the node's in `language`."""
    heads, parts = HEADS[language], []
    if schema.inputs:
        items = [_input(socket, words["inputs"][socket.id], language) for socket in schema.inputs]
        parts += [heads["inputs"], "\n".join(items)]
    items = [_item(each["name"], each["tooltip"]) for each in words["outputs"].values()]
    return "\n\n".join([*parts, heads["outputs"], "\n".join(items)])


def _input(socket: Any, words: Words, language: str) -> str:
    """An input with its default, and below it the options that are explained."""
    options = option_words(socket.words, language) if is_explained(socket) else {}
    below = [f"  {_item(option, meaning)}" for option, meaning in options.items()]
    tooltip = words["tooltip"].replace(HEADS[language]["pointer"], "")
    return "\n".join([_item(words["name"], tooltip, _default(socket)), *below])


def _item(name: str, meaning: str, default: str = "") -> str:
    """A default is written as code, for it could be read as Markdown."""
    value = " = " + ", ".join(f"`{line}`" for line in default.split("\n")) if default else ""
    return f"- **{name}**{value}: " + meaning.replace("\n", "<br>")


def _default(socket: Any) -> str:
    widget = getattr(socket, "input_override", None) or socket  # that of a number that takes a curve too
    value = getattr(widget, "default", None)
    if value is None or value == "":
        return ""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
