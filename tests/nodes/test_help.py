"""Every node has a help page in each language that has any, and its tables say what the schema says."""

from typing import Any

import pytest
from PIL import Image
from wording import numbers

from kinema.motion.spec import IMPLEMENTATIONS
from kinema.nodes import NODES
from kinema.sampling.noise.noise_schedules import NOISE_SCHEDULES, PREDICTIONS
from kinema.sampling.windows.cut import WINDOW_SCHEDULES
from kinema.sampling.windows.fuse import FUSES
from tools.help.pictures import path_of
from tools.help.scenes import SCENES
from tools.help.tables import HEADS, is_explained, pages, with_tables
from tools.help.words import translated_options

SCHEMAS = {schema.node_id: schema for schema in (node.define_schema() for node in NODES)}
EXPLAINED = [(node_id, socket) for node_id, schema in SCHEMAS.items() for socket in filter(is_explained, schema.inputs)]
LANGUAGES = tuple(HEADS)
WITHOUT_PICTURE = {"KinemaLoadClips", "KinemaSaveMotionModel"}  # what they make are files


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("node_id", SCHEMAS)
def test_page(node_id: str, language: str) -> None:
    page = pages(node_id)[language].read_text(encoding="utf-8")
    assert page.startswith("# ") and "```" in page and page.count("\n## ") >= 1
    assert page == with_tables(page, SCHEMAS[node_id], language), "run python3 dev.py docs"


def test_every_page_shows_its_picture() -> None:
    assert SCENES.keys() == SCHEMAS.keys() - WITHOUT_PICTURE
    for node_id in SCENES:
        for page in pages(node_id).values():
            assert f"]({node_id}/{path_of(node_id).name})\n" in page.read_text(encoding="utf-8"), page
        with Image.open(path_of(node_id)) as picture:
            assert picture.width >= 600
    assert sum(path_of(node_id).stat().st_size for node_id in SCENES) < 1_500_000


@pytest.mark.parametrize(("node_id", "combo"), EXPLAINED, ids=[f"{node_id} {combo.id}" for node_id, combo in EXPLAINED])
def test_every_option_is_explained_on_the_page_and_not_in_the_tooltip(node_id: str, combo: Any) -> None:
    page = pages(node_id)["en"].read_text(encoding="utf-8")
    assert combo.options == list(combo.words)
    for option, words in combo.words.items():
        assert f"\n| {option} | {words} |\n" in page
        assert len(words) > 15 and words[-1] == "."
        assert words not in combo.tooltip
    assert len(combo.tooltip) <= 300


@pytest.mark.parametrize(("rows", "count"), [(WINDOW_SCHEDULES, 1), (FUSES, 2), (NOISE_SCHEDULES, 3), (PREDICTIONS, 2),
                                             (IMPLEMENTATIONS, 1)])  # fmt: skip
def test_nodes_explain_every_row_of_a_table(rows: dict[str, Any], count: int) -> None:
    words = {name: row.words for name, row in rows.items()}
    assert sum(words.items() <= combo.words.items() for _, combo in EXPLAINED) == count


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_the_words_of_options_are_translated(language: str) -> None:
    original = {words for _, combo in EXPLAINED for words in combo.words.values()}
    there = translated_options(language)
    assert there.keys() == original
    for words, translation in there.items():
        assert numbers(translation) == numbers(words) and translation != words, words
