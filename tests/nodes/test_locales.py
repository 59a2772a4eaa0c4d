"""The translations say what the schemas say: same nodes, inputs and outputs, same numbers, nothing left in English."""

import re

import pytest
from wording import numbers

from kinema.nodes import NODES
from tools.help.words import LANGUAGES, Words, english, translated

ENGLISH = {schema.node_id: english(schema) for schema in (node.define_schema() for node in NODES)}
HAS_MEANING = re.compile(r"[@{}|$]")
"""In the front end's messages these begin something else than text."""
WIDEST = 30
"""What fits a node's title, where a Chinese character is two wide."""


def texts(words: Words) -> dict[str, str]:
    """Every text of a node by its place."""
    sockets = {f"{kind} {name}": socket for kind in ("inputs", "outputs") for name, socket in words[kind].items()}
    of_sockets = {f"{place} {key}": socket[key] for place, socket in sockets.items() for key in ("name", "tooltip")}
    return {"display_name": words["display_name"], "description": words["description"], **of_sockets}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_node_is_translated(language: str) -> None:
    words = translated(language)
    assert sorted(words) == sorted(ENGLISH)
    for node, own in ENGLISH.items():
        there = texts(words[node])
        assert sorted(there) == sorted(texts(own)), node
        assert all(text.strip() for text in there.values()), node


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_the_numbers_and_leave_no_english(language: str) -> None:
    words = translated(language)
    for node, own in ENGLISH.items():
        for place, text in texts(words[node]).items():
            original = texts(own)[place]
            assert not HAS_MEANING.search(text), (node, place, text)
            assert numbers(text) == numbers(original), (node, place, text, original)
            if place == "description" or place.endswith("tooltip"):
                assert text != original, (node, place)
        assert width(words[node]["display_name"]) <= WIDEST, (node, words[node]["display_name"])


def width(text: str) -> int:
    return sum(2 if ord(character) > 0x2E80 else 1 for character in text)
