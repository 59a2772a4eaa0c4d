"""The words of a node: names and tooltips, in English from the schema, in other languages from the locale files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
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


def locale_file(language: str) -> Path:
    return LOCALES / language / "nodeDefs.json"


@cache
def translated(language: str) -> dict[str, Words]:
    """The words of all nodes in a language, by node id. Raises OSError where there is no such file."""
    words: dict[str, Words] = json.loads(locale_file(language).read_text(encoding="utf-8"))
    return words


def words_in(language: str, schema: Any) -> Words:
    """The words of a node in a language. What its locale file lacks is in English, as the host shows it."""
    if language == "en":
        return english(schema)
    return _completed(english(schema), translated(language).get(schema.node_id, {}))


def _completed(words: Words, there: Words) -> Words:
    """`words` with the text that `there` has at the same place."""
    return {
        key: _completed(value, there.get(key, {})) if isinstance(value, dict) else there.get(key, value)
        for key, value in words.items()
    }


def locale_text(language: str, schemas: Sequence[Any]) -> str:
    """What the locale file of a language should be: its words of these nodes, English ones for the translator where it
    has none, and nothing of nodes and sockets that are no more."""
    words = {schema.node_id: words_in(language, schema) for schema in sorted(schemas, key=lambda each: each.node_id)}
    return json.dumps(words, indent=2, ensure_ascii=False) + "\n"


def texts(words: Words) -> dict[str, str]:
    """Every text of a node by its place: "description", "inputs model tooltip", "outputs 0 name"."""
    sockets = {f"{kind} {name}": socket for kind in ("inputs", "outputs") for name, socket in words[kind].items()}
    of_sockets = {f"{place} {key}": socket[key] for place, socket in sockets.items() for key in ("name", "tooltip")}
    return {"display_name": words["display_name"], "description": words["description"], **of_sockets}


def is_sentence(place: str) -> bool:
    """Whether the text at this place is one, which no two languages share; a name may be the same in both."""
    return place == "description" or place.endswith(" tooltip")


def untranslated(language: str, schema: Any) -> list[str]:
    """The places of the sentences that are still English in this language."""
    own = texts(english(schema))
    there = texts(words_in(language, schema))
    return [place for place in own if is_sentence(place) and there[place] == own[place]]


def is_explained(socket: Any) -> bool:
    """Whether an input is an ExplainedCombo, whose options have words of their own."""
    return hasattr(socket, "words")


def explanations(schemas: Sequence[Any]) -> list[str]:
    """The English words of all options of these nodes, each once."""
    combos = [socket for schema in schemas for socket in schema.inputs if is_explained(socket)]
    return list(dict.fromkeys(text for combo in combos for text in combo.words.values()))


def option_words(words: Mapping[str, str], language: str) -> dict[str, str]:
    """What the options of a combo mean in a language. What has no translation is in English."""
    there = translated_options(language)
    return {option: there.get(text, text) for option, text in words.items()}


def option_file(language: str) -> Path:
    return OPTIONS / f"{language}.json"


@cache
def translated_options(language: str) -> dict[str, str]:
    """Translations by the English words, for the languages of the help pages."""
    if language == "en":
        return {}
    translations: dict[str, str] = json.loads(option_file(language).read_text(encoding="utf-8"))
    return translations


def option_text(language: str, schemas: Sequence[Any]) -> str:
    """What the file of a language's options should be, as `locale_text`."""
    original = explanations(schemas)
    kept = {words: there for words, there in translated_options(language).items() if words in original}
    added = {words: words for words in original if words not in kept}
    return json.dumps(kept | added, indent=2, ensure_ascii=False) + "\n"


def untranslated_options(language: str, schema: Any) -> list[str]:
    """The words of options that are still English in this language."""
    there = translated_options(language)
    return [words for words in explanations([schema]) if there.get(words, words) == words]
