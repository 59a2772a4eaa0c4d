"""What a node lacks before a release. A draft, which is its file and its English help page, works without all of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..environment import REPOSITORY
from .lists import HEADS, pages, with_lists
from .pictures import path_of
from .scenes import SCENES, WITHOUT_PICTURE
from .words import LANGUAGES, untranslated, untranslated_options

NODE_LIST = REPOSITORY / "node_list.json"


def missing(schema: Any) -> list[str]:
    """One line a thing that is missing, in the order in which it is made; empty for a node that can be released."""
    return [*_listed(schema), *_pictures(schema.node_id), *_pages(schema), *_words(schema)]


def _listed(schema: Any) -> Iterator[str]:
    if schema.node_id not in json.loads(NODE_LIST.read_text(encoding="utf-8")):
        yield "its line in node_list.json: run python3 dev.py docs"


def _pictures(node_id: str) -> Iterator[str]:
    picture = path_of(node_id)
    if node_id in WITHOUT_PICTURE:
        return
    if node_id not in SCENES:
        yield "what its picture shows: a row in tools/help/scenes.py"
    elif not picture.exists():
        yield f"its picture: run python3 dev.py docs --pictures {node_id}"
    else:
        for language, page in pages(node_id).items():
            if page.exists() and f"]({node_id}/{picture.name})\n" not in page.read_text(encoding="utf-8"):
                yield f"the picture in its help page in {language}"


def _pages(schema: Any) -> Iterator[str]:
    outdated = []
    for language, page in pages(schema.node_id).items():
        text = page.read_text(encoding="utf-8") if page.exists() else None
        if text is None:
            yield f"its help page in {language}: {page.relative_to(REPOSITORY).as_posix()}"
        elif text != with_lists(text, schema, language):
            outdated.append(language)
    if outdated:
        yield f"up-to-date lists in its help page in {', '.join(outdated)}: run python3 dev.py docs"


def _words(schema: Any) -> Iterator[str]:
    if texts := _counted(LANGUAGES, untranslated, schema):
        yield f"translations of its texts in locales: {texts}"
    others = [language for language in HEADS if language != "en"]
    if options := _counted(others, untranslated_options, schema):
        yield f"translations of its options in tools/help/options: {options}"


def _counted(languages: Iterable[str], lacking: Callable[[str, Any], Sequence[str]], schema: Any) -> str:
    """ "3 in zh, 3 in ja"; empty when nothing is lacking."""
    counts = {language: len(lacking(language, schema)) for language in languages}
    return ", ".join(f"{count} in {language}" for language, count in counts.items() if count)
