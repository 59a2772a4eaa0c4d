"""A prompt over time, and how its frames are written in front of it."""

from dataclasses import dataclass

from ..curves.timeline import QUOTES, Scanner, Span, read_span

PROMPT_TITLE = "Prompt Travel"
PLAIN_JOINS = frozenset([":", "=", "::", ":=", ":::", "::="])
QUOTED_JOINS = frozenset(['":', '"=', ':":', ':"=', '"::', '":=', ':"::', ':":='])


@dataclass(frozen=True)
class Prompt:
    """A prompt and its frames."""

    span: Span  # the frames, as they were written
    text: str  # without quotes, escapes and space around it


def line_span(line: Scanner) -> Span | None:
    """The frame at the start of a line, or None for a line that continues the one before."""
    at = line.at
    start = line.frame()
    join = line.sign(":=") if start else ""
    if not join:
        line.at = at
        return None
    return Span(start, None, join, at)


def quoted_span(text: Scanner) -> Span | None:
    """The frames that come next, in quotes or not, up to the prompt; None where none do."""
    quote = text.sign(QUOTES)
    return read_span(text, quote, QUOTED_JOINS if quote else PLAIN_JOINS)
