"""Words that no user should have to read twice: texts of nodes, messages, templates and pages use the field's own."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kinema.nodes import NODES

REPOSITORY = Path(__file__).resolve().parents[2]
CODE = (
    "motion", "sampling", "training", "evaluation", "miniature", "nodes", "drawing", "doors", "convert", "farm", "tools"
)  # fmt: skip
LONGEST_TOOLTIP = 300  # characters: a tooltip cannot be scrolled; the help page has room


class Word(NamedTuple):
    pattern: str  # of what to avoid, in any text
    better: str
    example: str  # a sentence that the pattern finds


WORDS = (
    Word(r"\b[Bb]eside\b", "alongside, next to, besides, in addition to", "Works beside LoRA."),
    Word(
        r"\b(?:node|one|last|later|latter|value|prompt|rule|it|percents|seeds) holds?\b(?! (?:still|it|an?|the|no)\b)",
        "takes precedence, applies",
        "Of two nodes in a row the last one holds.",
    ),
    Word(r"\bgo(?:es|ing)? on\b(?! (?:the|an?|top)\b)", "continue, lead back to, is held", "The last value goes on."),
    Word(r"\bparts? of the (?:sampling )?run\b", "fraction of the run", "It begins at this part of the sampling run."),
    Word(r"\blook(?:s|ed|ing)? at\b", "attend to, process", "All frames look at the first."),
    Word(
        r"\b(?:one|two|pass|passes|times|twice|pixels|rule|hint|row|rows|clips) an? "
        r"(?:frame|step|line|row|call|run|window|iteration)\b",
        "per frame, for each frame",
        "One mask, or one a frame.",
    ),
    Word(r"(?<![Tt]here )\b(?:is|are) no (?!longer\b|more\b|less\b)", "is not a", '"loud" is no number.'),
    Word(r"\blies?\b", "is, is placed", "The picture lies at x, y."),
    Word(r"\btold\b(?! apart)|\bnot tell\b", "said, report", "This sampler does not tell its steps."),
    Word(r"\bas many times as long\b", "time grows with the number of …", "It takes as many times as long."),
    Word(r"\bat the price of\b", "costs, but needs", "Sharper, at the price of one more pass."),
    Word(r"\bby (?:itself|themselves)\b", "automatically", "Windows engage by themselves."),
    Word(r"\bengages?\b", "is used, takes effect", "Overlapping windows engage."),
    Word(r"\banew\b", "again, new", "After every window the noise begins anew."),
    Word(r"\bcount(?:s|ing)? on\b", "continue counting", "Later frames count on from the last."),
    Word(r"\bserves? for\b", "is used for, is repeated for", "The last one serves for the rest."),
    Word(r"\bpercents\b", "percentages", "Write steps or percents."),
    Word(r"\b[Mm]end(?:s|ed|ing)?\b", "fix, repair, correct", "What can be mended."),
    Word(
        r"(?<!from )\bbehind (?:the (?:end|first|second|last|others)|this point|it|prompts|its value)\b",
        "beyond, after",
        "A frame behind the end.",
    ),
    Word(r"\b[Ss]top frequency\b", "cutoff frequency", "Stop frequency over time."),
    Word(r"\b(?:is|are) other ones\b", "differs, is different", "The windows are other ones."),
    Word(r"\b(?:[Tt]he|[Tt]his) share of\b", "the weight of, the fraction of", "The share of sigmas_2."),
    Word(r"\b[Ww]eb clients?\b", "the frontend", "Only the web client knows this node."),
    Word(r"\bfor want of\b", "because … ran out", "Ended, perhaps for want of memory."),
    Word(r"\blevel of chance\b", "chance level", "The level of chance is 50 %."),
    Word(r"\btaken apart\b", "converted to nodes", "Group nodes were taken apart."),
)

Texts = Iterator[tuple[str, str]]
"""Where a text is, and the text."""


def texts_of_nodes() -> Texts:
    for schema in (node.define_schema() for node in NODES):
        yield schema.node_id, schema.description
        for socket in (*schema.inputs, *schema.outputs):
            yield f"{schema.node_id} {socket.id}", socket.tooltip


def sentences_of_the_code() -> Texts:
    """Every string of three words or more in the code, docstrings aside: messages, and parts of them."""
    for file in (file for folder in CODE for file in sorted((REPOSITORY / folder).rglob("*.py"))):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and id(node) not in docstrings else None
            if isinstance(text, str) and text.count(" ") >= 2:
                yield f"{file.relative_to(REPOSITORY)}:{node.lineno}", text


def pages() -> Texts:
    for pattern in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/**/*.md", "web/docs/*.md"):
        for file in sorted(REPOSITORY.glob(pattern)):
            yield str(file.relative_to(REPOSITORY)), " ".join(file.read_text(encoding="utf-8").split())


def texts_of_templates() -> Texts:
    for file in sorted(REPOSITORY.glob("example_workflows/*.json")):
        for node in json.loads(file.read_text(encoding="utf-8"))["nodes"]:
            if node["type"] == "MarkdownNote":
                yield file.name, node["widgets_values"][0]
    for file in sorted(REPOSITORY.glob("subgraphs/*.json")):
        for definition in json.loads(file.read_text(encoding="utf-8"))["definitions"]["subgraphs"]:
            yield file.name, definition["description"]


def wrong(text: str) -> list[str]:
    """What to avoid in `text`, each with what is around it and what is better."""
    hits = [(word, hit) for word in WORDS for hit in re.finditer(word.pattern, text)]
    return [f'"{text[max(0, hit.start() - 30) : hit.end() + 30]}", better: {word.better}' for word, hit in hits]


@pytest.mark.parametrize("source", [texts_of_nodes, sentences_of_the_code, pages, texts_of_templates])
def test_texts_avoid_words_that_are_hard_to_read(source):
    texts = list(source())
    assert len(texts) >= 10
    assert not [(place, found) for place, text in texts for found in wrong(text)]


@pytest.mark.parametrize("word", WORDS, ids=[word.pattern for word in WORDS])
def test_each_word_is_found_in_its_example(word):
    assert re.search(word.pattern, word.example)
    assert not re.search(word.pattern, word.better)


@pytest.mark.parametrize(
    "fine",
    [
        "There is no strength, and frames no longer know each other.",
        "Rules are told apart by name.",
        "It multiplies, and relies on the model.",
        "0 holds it still, and a hold is an easing.",
        "Put the LoRA on a MODEL that goes on the left.",
        "Count the steps on the canvas.",
        "It gives a frame and shows a window.",
        "The lower half of the run.",
    ],
)
def test_good_sentences_are_left_alone(fine):
    assert not wrong(fine)


def test_tooltips_are_short_enough_to_be_read_without_scrolling():
    long = {place: len(text) for place, text in texts_of_nodes() if len(text) > LONGEST_TOOLTIP}
    assert not long
