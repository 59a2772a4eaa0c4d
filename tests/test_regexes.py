"""Regular expressions of the extension read texts and files of strangers, so none may take more than linear time to fail.

Refused are a repeat within a repeat, and two repeats one after the other that can match the same characters: a text with
many of these can be split between them in many ways, and all are tried. What they stand for is read off the parsed pattern.
"""

import ast
import importlib
import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

try:
    from re import _compiler as compiler
    from re import _parser as parser
except ImportError:  # Python 3.10
    import sre_compile as compiler
    import sre_parse as parser

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDERS = ("nodes", "sampling", "motion", "training", "evaluation", "miniature", "convert", "doors", "farm")
FUNCTIONS = ("compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer")
ALPHABET = string.printable + "\x1c\x85\xa0é٣ıſ中\u2028"
"""Stands for all characters: one or more of each kind that patterns tell apart."""
LONG = 9  # times; a repeat that may match more often counts as endless


@dataclass(frozen=True)
class Pattern:
    """A regular expression in the sources."""

    where: str
    text: str
    flags: int = 0


@dataclass(frozen=True)
class Part:
    """What a part of a pattern can match."""

    optional: bool = True  # whether it can match nothing
    chars: frozenset[str] = frozenset()  # all that are in its matches
    varies: bool = False  # whether some repeat in it may match more or less often
    opening: frozenset[str] = frozenset()  # those that endless repeats at its beginning can match
    closing: frozenset[str] = frozenset()  # those that endless repeats at its end can match


def faults(pattern: Pattern) -> list[str]:
    """The repeats of `pattern` that may take more than linear time."""
    found: list[str] = []
    tree = parser.parse(pattern.text, pattern.flags)
    _sequence(tree, tree.state, found)
    return found


def _sequence(nodes: Iterable[Any], state: Any, found: list[str]) -> Part:
    whole = Part()
    for node in nodes:
        part = _part(node, state, found)
        if both := whole.closing & part.opening:
            found.append(f"two repeats in a row can both match {''.join(sorted(both))!r}")
        whole = Part(
            whole.optional and part.optional,
            whole.chars | part.chars,
            whole.varies or part.varies,
            whole.opening | (part.opening if whole.optional else frozenset()),
            part.closing | (whole.closing if part.optional else frozenset()),
        )
    return whole


def _part(node: Any, state: Any, found: list[str]) -> Part:
    kind, value = str(node[0]), node[1]
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, body = value
        return _repeat(least, most, body, state, found)
    if kind == "SUBPATTERN":
        _, added_flags, removed_flags, body = value
        if added_flags or removed_flags:
            found.append("flags within a pattern are not understood here; give them to re.compile")
        return _sequence(body, state, found)
    if kind == "ATOMIC_GROUP":
        return _sequence(value, state, found)
    if kind == "BRANCH":
        return _either([_sequence(branch, state, found) for branch in value[1]])
    if kind in ("ASSERT", "ASSERT_NOT"):
        _sequence(value[1], state, found)
        return Part()
    if kind == "AT":
        return Part()
    if kind in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
        return Part(False, _matched(node, state))
    found.append(f"{kind} is not understood here")
    return Part()


def _repeat(least: int, most: Any, body: Iterable[Any], state: Any, found: list[str]) -> Part:
    part = _sequence(body, state, found)
    is_long = most > LONG
    if (is_long and (part.varies or part.optional)) or (most > 1 and part.closing):
        found.append("a repeat is within another")
    ends = part.chars if is_long and least != most else None
    return Part(
        least == 0 or part.optional,
        part.chars,
        part.varies or least != most,
        part.opening if ends is None else ends,
        part.closing if ends is None else ends,
    )


def _either(parts: list[Part]) -> Part:
    def union(sets: Iterable[frozenset[str]]) -> frozenset[str]:
        return frozenset().union(*sets)

    return Part(
        any(part.optional for part in parts),
        union(part.chars for part in parts),
        any(part.varies for part in parts),
        union(part.opening for part in parts),
        union(part.closing for part in parts),
    )


def _matched(node: Any, state: Any) -> frozenset[str]:
    single = compiler.compile(parser.SubPattern(state, [node]), state.flags)
    return frozenset(char for char in ALPHABET if single.fullmatch(char))


def patterns() -> Iterator[Pattern]:
    """All in the extension. Their texts are worked out from the names of their modules."""
    for file in (file for folder in FOLDERS for file in sorted((REPOSITORY / folder).rglob("*.py"))):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "re"]
        assert not imported, f"{file} imports from re; write re.compile and so on, so that its patterns are found"
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_of_re(node.func)]
        if not calls:
            continue
        place = file.relative_to(REPOSITORY)
        names = vars(importlib.import_module(".".join(["kinema", *place.with_suffix("").parts])))
        for call in calls:
            flags = [word.value for word in call.keywords if word.arg == "flags"]
            if call.func.attr == "compile":
                flags += call.args[1:]
            yield Pattern(
                f"{place}:{call.lineno}", _value(call.args[0], names), sum(int(_value(flag, names)) for flag in flags)
            )


def _is_of_re(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    return function.value.id == "re" and function.attr in FUNCTIONS


def _value(expression: ast.expr, names: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(expression), "pattern", "eval"), dict(names))


def test_no_pattern_of_the_extension_can_be_slow() -> None:
    found = list(patterns())
    assert any("timeline.py" in pattern.where for pattern in found) and len(found) > 10
    slow = {f"{pattern.where}: {pattern.text}": faults(pattern) for pattern in found}
    assert not {where: why for where, why in slow.items() if why}


FRAME = r"-?\d+(?:\.\d+)?\s*%?|-?\.\d+\s*%?"


@pytest.mark.parametrize(
    "text",
    [
        r"(a+)+", r"(?:a|b*)*", r"(?:\d+,?)*", r"(?:a?)*", r"(?:a{1,2})+", r"(?:a+){3}", r"((?:ab)*c*)+",
        r"\s*\s*", r"\s*(%?)\s*", r"\d+\.?\d*", r".*\s*", r"a*(?:b|c?)a+", r"(\s*)(?=a)\s*", r"a*$a*",
        r"[ab]+[bc]+", r"(?:a+|b)a*", r"(?:x*|y)(?:z|x+)", r"\w+\d*", r"[^,]*\s*", r"(?:a|(b+))b{2,}", r"\s+?(\s+)",
        rf"\s*({FRAME})\s*(?::\s*({FRAME}))?\s*(:?)\s*[:=]\s*",
        r"\s*(down|mid|up)?\s*(\d+)?(?:\.(\d+))?\s*(?:attn\s*([12]))?\s*[:=]",
    ],
)  # fmt: skip
def test_slow_patterns_are_seen(text: str) -> None:
    assert faults(Pattern("here", text))


@pytest.mark.parametrize(
    "text",
    [
        r"", r"abc", r"a+b+", r"\d+(?:\.\d*)?(?:[eE][-+]?\d+)?\s*", r'"(?:[^"\\]|\\.)*"[ \t]*', r"(?:ab|cd)+", r"\s*a\s*",
        r"(?:0|[1-9][0-9]?)\.(?P<rest>.+)$", r"(?:temporal\.)?.+", r"[ \t]+\D", r"`[^`\n]*`", r"(?:ab){2}c*", r"a?a?b*",
        r"^(?:a\.|b\.)+(?=(?:c|d)\.)", r"\s+(?!\s*x)y", r"\d+[a-z]\d+",
    ],
)  # fmt: skip
def test_linear_patterns_are_not(text: str) -> None:
    assert not faults(Pattern("here", text))


def test_flags_count() -> None:
    assert not faults(Pattern("here", "x*X*"))
    assert faults(Pattern("here", "x*X*", re.IGNORECASE))
    assert faults(Pattern("here", "(?i:x)*")), "flags within a pattern are not read"
