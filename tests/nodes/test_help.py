"""Every node has an English help page, with a place for its lists; test_complete.py tells what pages lack."""

import re
from pathlib import Path
from typing import Any

import pytest
from comfy.samplers import SCHEDULER_NAMES
from PIL import Image
from wording import numbers

from kinema.motion.families import FAMILIES
from kinema.motion.save import SAVED_AS
from kinema.motion.spec import IMPLEMENTATIONS
from kinema.nodes import NODES
from kinema.sampling.curves.easings import EASINGS, WAYS
from kinema.sampling.noise.noise_schedules import NOISE_SCHEDULES, PREDICTIONS
from kinema.sampling.windows.cut import WINDOW_SCHEDULES
from kinema.sampling.windows.fuse import FUSES
from kinema.training.config import ABLATION
from tools.environment import REPOSITORY
from tools.help.lists import BEGIN, END, HEADS, pages, with_lists
from tools.help.opened import workflow_in
from tools.help.pictures import path_of
from tools.help.scenes import SCENES, WITHOUT_PICTURE
from tools.help.words import explanations, is_explained, translated_options

SCHEMAS = {schema.node_id: schema for schema in (node.define_schema() for node in NODES)}
COMBOS = {
    f"{node_id} {socket.id}": (node_id, socket)
    for node_id, schema in SCHEMAS.items()
    for socket in schema.inputs
    if getattr(socket, "options", None) is not None
}
EXPLAINED = {name: (node_id, combo) for name, (node_id, combo) in COMBOS.items() if is_explained(combo)}
FILES = "files that users have"
SCHEDULERS = "the host's schedulers, which its KSampler offers too"
OF_THE_HOST = {  # combos whose options are not Kinema's: why they are not explained, and which of them are Kinema's
    "KinemaAnimateDiff motion_model": (FILES, []),
    "KinemaEndlessAnimation scheduler": (SCHEDULERS, []),
    "KinemaLoadCameraCtrl cameractrl": (FILES, []),
    "KinemaLoadClips folder": ("folders that users have", ["none"]),
    "KinemaLoadMotionLora lora": (FILES, []),
    "KinemaLoadMotionModel motion_model": (FILES, []),
    "KinemaLoadSparseCtrl sparsectrl": (FILES, []),
    "KinemaPlotCurve scheduler": (SCHEDULERS, []),
    "KinemaSigmaSchedule scheduler": (SCHEDULERS, ["authors' DDIM"]),
    "KinemaWindowPlan scheduler": (SCHEDULERS, []),
}
PAGES = [
    (node_id, language)
    for node_id in SCHEMAS
    for language, page in pages(node_id).items()
    if page.exists() or language == "en"
]


def _made() -> list[Path]:
    return [path_of(node_id) for node_id in SCENES if path_of(node_id).exists()]


def _in_readme() -> list[Path]:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    return [REPOSITORY / name for name in re.findall(r"docs/images/\S+?\.(?:webp|png|jpg|gif)", text)]


@pytest.mark.parametrize(("node_id", "language"), PAGES)
def test_page(node_id: str, language: str) -> None:
    page = pages(node_id)[language]
    assert page.exists(), f"{node_id} needs a help page: write {page}"
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# ") and " → " in text and text.count("\n## ") >= 1
    assert BEGIN in text and END in text.partition(BEGIN)[2]
    assert HEADS[language]["pointer"].strip() not in text  # a tooltip's, which sends readers to this very page


def test_pictures_are_of_nodes_that_are_there() -> None:
    assert SCENES.keys() <= SCHEMAS.keys() - WITHOUT_PICTURE
    assert SCHEMAS.keys() >= WITHOUT_PICTURE


def test_pictures_are_wide_and_small() -> None:
    made = _made()
    for path in made:
        with Image.open(path) as picture:
            assert picture.width >= 600
    assert sum(path.stat().st_size for path in made) < 1_500_000


@pytest.mark.parametrize("path", [*_made(), *_in_readme()], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_pictures_contain_the_workflow_that_made_them(path: Path) -> None:
    workflow = workflow_in(path)
    numbers = {node["id"] for node in workflow["nodes"]}
    assert {end for link in workflow["links"] for end in (link[1], link[3])} <= numbers
    assert SCHEMAS.keys() >= {node["type"] for node in workflow["nodes"] if node["type"].startswith("Kinema")}


def _page(node_id: str) -> str:
    return with_lists(pages(node_id)["en"].read_text(encoding="utf-8"), SCHEMAS[node_id], "en")


@pytest.mark.parametrize(("node_id", "combo"), EXPLAINED.values(), ids=EXPLAINED)
def test_every_option_is_explained_on_the_page_and_not_in_the_tooltip(node_id: str, combo: Any) -> None:
    page = _page(node_id)
    assert combo.options == list(combo.words)
    for option, words in combo.words.items():
        assert f"\n  - **{option}**: {words}\n" in page
        assert len(words) > 15 and words[-1] == "."
        assert words not in combo.tooltip
    assert len(combo.tooltip) <= 300


@pytest.mark.parametrize("name", [name for name in COMBOS if name not in EXPLAINED])
def test_every_option_of_other_combos_is_explained_in_a_tooltip_or_not_ours(name: str) -> None:
    """In a tooltip: "refuse: stop with an error." or "coarse (usual at 512 pixels): in squares of 32 pixels;"."""
    node_id, combo = COMBOS[name]
    _reason, own = OF_THE_HOST.get(name, ("", combo.options))
    assert combo.tooltip in _page(node_id)
    for option in own:
        assert option in combo.options
        begin = rf"(?:^|[.;] ){re.escape(option)}(?: \([^)]+\))?: \S"
        assert re.search(begin, combo.tooltip), f"Explain {option} with ExplainedCombo of nodes/inputs/options.py."


def test_combos_of_the_host_are_there() -> None:
    assert OF_THE_HOST.keys() <= COMBOS.keys() - EXPLAINED.keys()
    for name, (reason, own) in OF_THE_HOST.items():
        assert reason != SCHEDULERS or {*COMBOS[name][1].options} == {*SCHEDULER_NAMES, *own}


@pytest.mark.parametrize(("rows", "count"), [(WINDOW_SCHEDULES, 1), (FUSES, 2), (NOISE_SCHEDULES, 3), (PREDICTIONS, 2),
                                             (IMPLEMENTATIONS, 1), (EASINGS, 4), (WAYS, 3), (ABLATION, 3), (SAVED_AS, 1),
                                             ({row.label: row for row in FAMILIES.values()}, 1)])  # fmt: skip
def test_nodes_explain_every_row_of_a_table(rows: dict[str, Any], count: int) -> None:
    words = {name: row.words for name, row in rows.items()}
    assert sum(words.items() <= combo.words.items() for _, combo in EXPLAINED.values()) == count


@pytest.mark.parametrize("language", [language for language in HEADS if language != "en"])
def test_translations_of_options_keep_the_numbers(language: str) -> None:
    there = translated_options(language)
    assert there.keys() <= {*explanations([*SCHEMAS.values()])}, "run python3 dev.py docs"
    for words, translation in there.items():
        assert numbers(translation) == numbers(words), words
