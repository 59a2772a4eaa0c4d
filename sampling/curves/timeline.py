"""The language of curves and of prompts over time, read from left to right.

A text consists of numbers, signs, strings and words; which words there are is up to the reader. Curves and prompts share
how to write the frames of a value: `0: value`, `0 = value`, `"0": value`, `0: = value` (held until the next one) and
`8:16 = value` (from frame 8 up to 16). The tokens are simple enough that reading takes time linear in the length.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

LONGEST = 100_000
"""The most characters of a text: more than an animation needs, and few enough to read while the server waits."""

FRAME = re.compile(
    r"(-?(?:\d+\.\d+|[01]\.|\d+|\.\d+))\s*"
)  # "0." and "1." are the ends, as AnimateDiff-Evolved has them
NUMBER = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*")
SIGN = re.compile(r"(\S)\s*")
SPACE = re.compile(r"(\s*)")
STRINGS = {
    '"': re.compile(r'("(?:[^"\\]|\\.)*")[ \t]*', re.DOTALL),
    "'": re.compile(r"('(?:[^'\\]|\\.)*')[ \t]*", re.DOTALL),
}
"""Strings by their quote. They leave the line break after them, because it separates them from what comes next."""

QUOTES = "\"'"
LONGEST_JOIN = 4  # signs between a frame and its value
MOST_SHOWN = 24  # characters of a text that a message repeats


class TextError(ValueError):
    """What is wrong with the text of a node, and where: `title` names the text, `at` is an index into `source`."""

    def __init__(self, title: str, source: str, at: int, problem: str) -> None:
        line = source.count("\n", 0, at) + 1
        column = at - source.rfind("\n", 0, at)
        super().__init__(f"{title}, line {line}, column {column}: {problem}")


@dataclass(slots=True)
class Scanner:
    """A text, or a part of it, and how far it has been read: taking a token moves `at` past it and the space after it,
    so that each character is read once. Raises TextError for a text that is too long."""

    title: str  # names the text in errors
    source: str  # the whole text
    at: int = 0  # the next character
    end: int = LONGEST  # the first character after the part

    def __post_init__(self) -> None:
        length = len(self.source)
        if length > LONGEST:
            problem = f"the text has {length:,} characters, but at most {LONGEST:,} are read. Write a shorter one."
            raise TextError(self.title, self.source, LONGEST, problem)
        self.end = min(self.end, length)
        self.take(SPACE)

    @property
    def next(self) -> str:
        """The next character, "" at the end."""
        return self.source[self.at] if self.at < self.end else ""

    @property
    def rest(self) -> str:
        return self.source[self.at : self.end]

    def take(self, token: re.Pattern[str]) -> str:
        """The first group of `token` if that comes next, else ""."""
        match = token.match(self.source, self.at, self.end)
        if match is None:
            return ""
        self.at = match.end()
        return match[1]

    def sign(self, signs: str) -> str:
        """The next character if it is one of `signs`, else ""."""
        sign = self.next
        if not sign or sign not in signs:
            return ""
        return self.take(SIGN)

    def string(self) -> str:
        """The string that comes next, with its quotes, or "" where none does or its quote is never closed."""
        string = STRINGS.get(self.next)
        return self.take(string) if string else ""

    def frame(self) -> str:
        """The number of frames or share of the whole that comes next ("24", "-1", "0.5", "50%"), or ""."""
        number = self.take(FRAME)
        return number + self.sign("%") if number else ""

    def error(self, problem: str, at: int | None = None) -> TextError:
        """The error about what is `at` an index of the source, or comes next."""
        return TextError(self.title, self.source, self.at if at is None else at, problem)


@dataclass(frozen=True)
class Span:
    """The frames of a value, as they were written."""

    start: str  # a number of frames, a negative one counted from the end, or a share of the whole: "24", "-1", "50%"
    end: str | None  # of a range, the first frame after it
    join: str  # the signs between the frame and the value: ":", "=", ":=" or '":'
    at: int  # the index of `start` in the source

    @property
    def hold(self) -> bool:
        """Whether the value stays until the next one: it has more colons or equals signs than the one it needs."""
        return sum(sign in ":=" for sign in self.join) > 1


def read_span(text: Scanner, closing: str, joins: Collection[str]) -> Span | None:
    """The span that comes next, up to its value, or None where no frame followed by one of `joins` does.

    A quote among the signs is one of `closing`; in `joins` it is always a double quote.
    """
    at = text.at
    start = text.frame()
    if not start:
        return None
    after_start = text.at
    end = text.frame() if text.sign(":") else ""
    join = _join(text, closing) if end else ""
    if join not in joins:  # not a range: the colon joins the frame and its value
        text.at = after_start
        end = ""
        join = _join(text, closing)
    return Span(start, end or None, join, at) if join in joins else None


def _join(text: Scanner, closing: str) -> str:
    join = ""
    while len(join) <= LONGEST_JOIN and not join.endswith("="):
        sign = text.sign(":=" if '"' in join else ":=" + closing)
        if not sign:
            break
        join += '"' if sign in QUOTES else sign
    return join


def share_of(written: str) -> float | None:
    """The share of the whole that "0.5" or "50%" stands for; None for a number of frames such as "24"."""
    if written.endswith("%"):
        return float(written[:-1]) / 100
    return float(written) if "." in written else None


def shown(text: str) -> str:
    """The beginning of the first line of `text` in quotes, for a message."""
    line = text.strip().split("\n", 1)[0].strip()
    return f'"{line[:MOST_SHOWN]}..."' if len(line) > MOST_SHOWN else f'"{line}"'
