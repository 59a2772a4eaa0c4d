"""The translations say what the schemas say, with the same numbers; test_complete.py tells what they lack."""

import json
import re

import pytest
from wording import numbers

from kinema.nodes import NODES
from tools import environment
from tools.help.words import LANGUAGES, english, texts, translated

SCHEMAS = {schema.node_id: schema for schema in (node.define_schema() for node in NODES)}
HAS_MEANING = re.compile(r"[@{}|$]")
"""In the front end's messages these begin something else than text."""
WIDEST = 30
"""What fits a node's title, where a Chinese character is two wide."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_what_there_is_is_translated(language: str) -> None:
    words = translated(language)
    assert words.keys() <= SCHEMAS.keys()
    for node in words:
        there = texts(words[node])
        assert there.keys() <= texts(english(SCHEMAS[node])).keys(), (node, "run python3 dev.py docs")
        assert all(text.strip() for text in there.values()), node


@pytest.mark.parametrize("language", LANGUAGES)
def test_categories_are_translated(language: str) -> None:
    menu = json.loads((environment.REPOSITORY / "locales" / language / "main.json").read_text(encoding="utf-8"))
    categories = {part for schema in SCHEMAS.values() for part in schema.category.split("/")[1:]}
    assert menu["nodeCategories"].keys() == categories


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_numbers(language: str) -> None:
    for node, words in translated(language).items():
        own = texts(english(SCHEMAS[node]))
        for place, text in texts(words).items():
            assert not HAS_MEANING.search(text), (node, place, text)
            assert numbers(text) == numbers(own[place]), (node, place, text, own[place])
        assert width(words["display_name"]) <= WIDEST, (node, words["display_name"])


def width(text: str) -> int:
    return sum(2 if ord(character) > 0x2E80 else 1 for character in text)
