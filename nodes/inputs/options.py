"""Combos whose options are explained one by one: their words go to the help page, the tooltip stays short."""

from collections.abc import Mapping
from typing import Any, Protocol

from comfy_api.latest import io


class Row(Protocol):
    """A row of a table of options, such as a fuse method."""

    @property
    def words(self) -> str: ...


class ExplainedCombo(io.Combo.Input):
    """A combo whose options are the keys of `words`, each with what it means; `dev.py docs` writes them on the page."""

    def __init__(self, name: str, words: Mapping[str, str], **settings: Any) -> None:
        super().__init__(name, options=list(words), **settings)
        self.words = dict(words)


def words_of(rows: Mapping[str, Row]) -> dict[str, str]:
    return {name: row.words for name, row in rows.items()}
