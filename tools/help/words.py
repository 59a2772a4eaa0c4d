"""The words of a node as its locale files hold them: names and tooltips, in English from the schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..environment import REPOSITORY

LOCALES = REPOSITORY / "locales"
LANGUAGES = ("zh", "zh-TW", "ja", "ko", "fr", "de", "es", "pt-BR", "ru")

OPTIONS = Path(__file__).parent / "options"

Words = dict[str, Any]


def english(schema: Any) -> Words:
    """What the entry of a node in `locales/<language>/nodeDefs.json` translates; `schema` is the host's."""
    inputs = {
        socket.id: {"name": socket.display_name or socket.id, "tooltip": socket.tooltip} for socket in schema.inputs
    }
    outputs = {
        str(number): {"name": socket.display_name or socket.io_type, "tooltip": socket.tooltip}
        for number, socket in enumerate(schema.outputs)
    }
    return {
        "display_name": schema.display_name,
        "description": schema.description,
        "inputs": inputs,
        "outputs": outputs,
    }


def translated(language: str) -> dict[str, Words]:
    """The words of all nodes in a language, by node id. Raises OSError where there is no such file."""
    words: dict[str, Words] = json.loads((LOCALES / language / "nodeDefs.json").read_text(encoding="utf-8"))
    return words


def option_words(words: Mapping[str, str], language: str) -> dict[str, str]:
    """What the options of a combo mean in a language; what nobody has translated stays in English."""
    there = translated_options(language)
    return {option: there.get(text, text) for option, text in words.items()}


def translated_options(language: str) -> dict[str, str]:
    """Translations by the English words, for the languages of the help pages."""
    if language == "en":
        return {}
    translations: dict[str, str] = json.loads((OPTIONS / f"{language}.json").read_text(encoding="utf-8"))
    return translations
