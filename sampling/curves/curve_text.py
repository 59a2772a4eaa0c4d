"""Reading curves that are written as text: `0: 1.0, 24: 0.3 ease in` and, over blocks, `up 1.2: 0, down attn2: 0.5`.

Entries are separated by commas, semicolons or line breaks. The forms that other tools write for values are read too:
`"0": 1.0`, `0 = 1.0`, `0: = 1.0` (held until the next), `8:16 = 0.5` (from frame 8 up to 16), `0: (1.0)`, braces around
all of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from .curve import Blocks, Constant, OverBlocks, Side
from .curve_keys import Key
from .easings import WAYS
from .timeline import FRAME, NUMBER, QUOTES, Scanner, Span, TextError, read_span, share_of, shown

CURVE_TITLE = "Curve"
ENTRY = re.compile(r"[^,;\n{}]+")
JOINS = frozenset([":", "=", "::", ":=", '":', '"=', ':":', ':"='])
SIDE = re.compile(r"(down|mid|up)\s*", re.IGNORECASE | re.ASCII)
ATTENTION = re.compile(r"attn\s*([12])\s*", re.IGNORECASE | re.ASCII)
LONGEST_NUMBER = 20  # characters of a level and a module; int() refuses thousands of digits with a message of its own


def read_keys(source: str, easing: str = "linear") -> tuple[Key, ...]:
    """The keys in `source`; those without an easing of their own get `easing`. Raises TextError."""
    keys: list[Key] = []
    starts: set[str] = set()
    held = False
    for entry in _entries(source):
        at = entry.at
        span = _span(entry)
        value = _value(entry) if span else ""
        if span is None or not value:
            raise entry.error(_problem(source, at, entry.end), at)
        if span.start in starts:
            raise entry.error(f"{span.start} already has a value. Remove one of the two values.", at)
        starts.add(span.start)
        way = _easing(entry) or ("hold" if held else easing)
        keys.append(_first(source, span, float(value), way))
        if span.end is not None:
            keys.append(_last(source, span, span.end, float(value)))
        held = span.hold
    if not keys:
        raise TextError(CURVE_TITLE, source, 0, "there is no value. Write, for example, 0: 1.0, 24: 0.3.")
    return tuple(keys)


@dataclass(frozen=True)
class Written:
    """Where an entry of a curve's text has its numbers, as (first character, character after the last)."""

    frame: tuple[int, int]  # the frame, or the first frame of a range
    value: tuple[int, int]  # the value
    keys: int  # how many keys the entry has: 2 for a range


def where_written(source: str) -> tuple[Written, ...]:
    """The places of the numbers in `source`, a text that `read_keys` accepts, entry by entry."""
    found = []
    for entry in _entries(source):
        span = _span(entry)
        if span is None:
            break
        entry.sign("(")
        start = entry.at
        value = entry.take(NUMBER)
        frame = (span.at, span.at + len(span.start))
        found.append(Written(frame, (start, start + len(value)), 1 if span.end is None else 2))
    return tuple(found)


def read_blocks(source: str) -> OverBlocks:
    """The curve over blocks in `source`. Raises TextError."""
    rules = []
    for entry in _entries(source):
        at = entry.at
        blocks = _blocks(entry)
        value = entry.take(NUMBER) if entry.sign(":=") else ""
        if blocks is None or not value or entry.next:
            found = shown(source[at : entry.end])
            raise entry.error(f"expected a block and a value, but found {found}. Write, for example, up 1.2: 0.5.", at)
        rules.append((blocks, Constant(float(value))))
    return OverBlocks(tuple(rules))


def _entries(source: str) -> Iterator[Scanner]:
    """The parts of `source` between commas, semicolons, line breaks and braces, blank ones left out."""
    whole = Scanner(CURVE_TITLE, source)
    for match in ENTRY.finditer(source, whole.at):
        entry = Scanner(CURVE_TITLE, source, match.start(), match.end())
        if entry.next:
            yield entry


def _span(entry: Scanner) -> Span | None:
    """The frames of an entry, up to the value. A range needs an equals sign: in `0: 1: 2` it would be hard to see."""
    entry.sign(QUOTES)
    span = read_span(entry, QUOTES, JOINS)
    if span is not None and span.end is not None and not span.join.endswith("="):
        return None
    return span


def _value(entry: Scanner) -> str:
    """The number that comes next, in parentheses or not, or "" where none does."""
    if not entry.sign("("):
        return entry.take(NUMBER)
    value = entry.take(NUMBER)
    return value if entry.sign(")") else ""


def _problem(source: str, at: int, end: int) -> str:
    """What is wrong with an entry without a frame or a value."""
    found = shown(source[at:end])
    before = source[:at]
    if source[at].isdecimal() and before.endswith(",") and before[:-1][-1:].isdecimal():
        return (
            f"expected a frame and a value, but found {found} after a comma. Write decimals with a point, such as 1.5."
        )
    return f"expected a frame and a value, but found {found}. Write, for example, 24: 0.3."


def _easing(entry: Scanner) -> str:
    """The easing after a value, "" where there is none."""
    word = entry.rest.strip()
    if word and word not in WAYS:
        raise entry.error(f"{shown(word)} is not an easing. Use one of {', '.join(WAYS)}.")
    return word


def _first(source: str, span: Span, value: float, easing: str) -> Key:
    share = share_of(span.start)
    if share is None:
        return Key(float(span.start), False, value, easing)
    if not 0 <= share <= 1:
        problem = f"{span.start} is outside the curve. Use 0.0 to 1.0, or 0% to 100%."
        raise TextError(CURVE_TITLE, source, span.at, problem)
    return Key(share, True, value, easing)


def _last(source: str, span: Span, end: str, value: float) -> Key:
    """The key for the last frame of a range, which holds the value up to there."""
    written = f"the range {span.start}:{end}"
    whole = share_of(span.start) is None and share_of(end) is None
    if not whole or (float(span.start) < 0) != (float(end) < 0):
        problem = f"{written} needs two whole numbers that both count from the start or both count from the end."
        raise TextError(CURVE_TITLE, source, span.at, problem)
    if float(end) <= float(span.start):
        raise TextError(CURVE_TITLE, source, span.at, f"{written} is empty. Its end must be later than its start.")
    return Key(float(end) - 1, False, value, "hold")


def _blocks(entry: Scanner) -> Blocks | None:
    """The blocks that come next: "up 1.2 attn2" or some of these words."""
    side = entry.take(SIDE).lower()
    number = entry.take(FRAME)
    level, _, module = number.partition(".")
    attention = entry.take(ATTENTION)
    if not (side or number or attention) or (level and not side):
        return None
    if number.startswith("-") or number.endswith(".") or len(number) > LONGEST_NUMBER:
        return None
    return Blocks(
        cast(Side, side) if side else None,
        int(level) if level else None,
        int(module) if module else None,
        int(attention) - 1 if attention else None,
    )
