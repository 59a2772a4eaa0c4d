"""Reading curves that are written as text: `0: 1.0, 24: 0.3 ease in` and, over blocks, `up 1.2: 0, down attn2: 0.5`.

Keys are parted by commas or lines. The forms that other tools write for values are read too: `"0": 1.0`, `0 = 1.0`,
`0: = 1.0` (held until the next), `8:16 = 0.5` (from frame 8 up to 16), braces around all of it.
"""

import re
from collections.abc import Iterator
from typing import Any

from ..prompts.prompt_lines import NUMBER
from .curve import Blocks, Constant, OverBlocks
from .curve_keys import Key
from .easings import WAYS

VALUE = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
ENTRY = re.compile(r"[^,\n{}]+")
TIMED = re.compile(
    rf"\s*[\"']?\s*({NUMBER})\s*(?::\s*({NUMBER})(?=\s*[\"']?\s*:?\s*[\"']?\s*=))?\s*(:?)\s*[\"']?\s*[:=]\s*({VALUE})\s*(.*?)\s*"
)
PLACED = re.compile(
    rf"\s*(down|mid|up)?\s*(\d+)?(?:\.(\d+))?\s*(?:attn\s*([12]))?\s*[:=]\s*({VALUE})\s*", re.IGNORECASE
)


class CurveError(ValueError):
    """What is wrong with the text of a curve, and where."""

    def __init__(self, source: str, at: int, problem: str) -> None:
        line = source.count("\n", 0, at) + 1
        column = at - (source.rfind("\n", 0, at) + 1) + 1
        super().__init__(f"Curve, line {line}, column {column}: {problem}")


def read_keys(source: str, easing: str = "linear") -> tuple[Key, ...]:
    """The keys in `source`; those without an easing of their own get `easing`. Raises CurveError."""
    keys: list[Key] = []
    written: dict[str, int] = {}
    held = False
    for at, text in _entries(source):
        match = TIMED.fullmatch(text)
        if match is None:
            raise CurveError(
                source, at, f'expected a frame and a value, but found "{text.strip()}". Write for example 24: 0.3.'
            )
        start, end, hold, value, word = match.groups()
        start, end = start.replace(" ", ""), (end or "").strip()
        if start in written:
            raise CurveError(source, at, f"{start} has a value already. Remove one of them.")
        written[start] = at
        way = _easing(source, at + match.start(5), word) or ("hold" if held else easing)
        keys.append(_key(source, at, start, float(value), way))
        if end:
            keys.append(_last(source, at, start, end, float(value)))
        held = bool(hold)
    if not keys:
        raise CurveError(source, 0, "there is no value. Write for example 0: 1.0, 24: 0.3.")
    return tuple(keys)


def read_blocks(source: str) -> OverBlocks:
    """The curve over blocks in `source`. Raises CurveError."""
    rules = []
    for at, text in _entries(source):
        match = PLACED.fullmatch(text)
        if match is None or not any(match.groups()[:4]) or (match[2] and not match[1]):
            raise CurveError(
                source, at, f'expected a block and a value, but found "{text.strip()}". Write for example up 1.2: 0.5.'
            )
        side: Any = match[1] and match[1].lower()
        level, module, attention = (int(word) if word else None for word in match.groups()[1:4])
        blocks = Blocks(side, level, module, None if attention is None else attention - 1)
        rules.append((blocks, Constant(float(match[5]))))
    return OverBlocks(tuple(rules))


def _entries(source: str) -> Iterator[tuple[int, str]]:
    """The parts of `source` between commas, with the place of their first character that is no space."""
    for match in ENTRY.finditer(source):
        if text := match[0].strip():
            yield match.start() + match[0].index(text[0]), text


def _key(source: str, at: int, written: str, value: float, easing: str) -> Key:
    number = float(written.rstrip("%"))
    if not written.endswith("%") and "." not in written:
        return Key(number, False, value, easing)
    share = number / 100 if written.endswith("%") else number
    if not 0 <= share <= 1:
        raise CurveError(source, at, f"{written} is no part of the whole. Use 0.0 to 1.0, or 0% to 100%.")
    return Key(share, True, value, easing)


def _last(source: str, at: int, start: str, end: str, value: float) -> Key:
    """The key for the last frame of a range, which holds the value up to there."""
    if not re.fullmatch(r"-?\d+", start) or not re.fullmatch(r"-?\d+", end) or (int(start) < 0) != (int(end) < 0):
        raise CurveError(source, at, f"the range {start}:{end} needs two whole numbers, both from the same end.")
    if int(end) <= int(start):
        raise CurveError(source, at, f"the range {start}:{end} is empty. Its end must be a later frame.")
    return Key(float(end) - 1, False, value, "hold")


def _easing(source: str, at: int, word: str) -> str | None:
    if word and word not in WAYS:
        raise CurveError(source, at, f'"{word}" is no easing. Use one of {", ".join(WAYS)}.')
    return word or None
