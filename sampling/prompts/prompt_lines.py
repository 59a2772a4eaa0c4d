"""Prompts over time without quotes: lines such as `0: a calm sea`, and lines that continue the one before."""

import re
from collections.abc import Iterator, Sequence

from ..curves.timeline import STRINGS, Scanner, Span, TextError, shown
from .prompt import PROMPT_TITLE, Prompt, line_span, quoted_span

FOLLOWED_BY_TEXT = re.compile(r"(:[ \t]+\D)")


def read_lines(source: str) -> list[Prompt]:
    """The prompts of `source`: each begins with a frame at the start of a line and ends before the next such line.
    Raises TextError."""
    spans: list[Span] = []
    texts: list[list[str]] = []  # the lines of each prompt
    for line in _lines(source):
        span = line_span(line)
        if span is not None:
            spans.append(span)
            texts.append([])
        elif line.next:
            _check_continuation(line, spans)
        _refuse_second(line)
        if texts and line.next:
            texts[-1].append(line.rest.strip())
    prompts = [Prompt(span, " ".join(lines)) for span, lines in zip(spans, texts, strict=True)]
    for prompt in prompts:
        _check(source, prompt)
    return prompts


def _lines(source: str) -> Iterator[Scanner]:
    start = 0
    for line in source.splitlines(keepends=True):
        end = start + len(line)
        yield Scanner(PROMPT_TITLE, source, start, end)
        start = end


def _check_continuation(line: Scanner, before: Sequence[Span]) -> None:
    """Raises TextError for a line that has no frame where no other is `before` it, or one in quotes."""
    if not before:
        found = shown(line.rest)
        raise line.error(f"expected a frame number and a colon, but found {found}. Write, for example, 0: a calm sea.")
    at = line.at
    span = quoted_span(line)
    if span is not None:
        problem = (
            f"frame {span.start} is in quotes, but frame {before[0].start} is not. Put all frames in quotes, or none."
        )
        raise line.error(problem, at)
    line.at = at


def _refuse_second(line: Scanner) -> None:
    """Raises TextError for another prompt on the same line: a comma, a frame, a colon and a space."""
    comma = line.source.find(",", line.at, line.end)
    while comma >= 0:
        second = Scanner(PROMPT_TITLE, line.source, comma + 1, line.end)
        at = second.at
        frame = second.frame()
        if frame and second.take(FOLLOWED_BY_TEXT):
            raise line.error(f"this line has a second prompt. Put the prompt for {frame} on a line of its own.", at)
        comma = line.source.find(",", comma + 1, line.end)


def _check(source: str, prompt: Prompt) -> None:
    """Raises TextError for a prompt that is empty, or begins with a double quote and has no second one. A single quote
    at the beginning may be an apostrophe."""
    start = prompt.span.start
    if not prompt.text:
        problem = f"the prompt for {start} is empty. Write its text after the colon."
        raise TextError(PROMPT_TITLE, source, prompt.span.at, problem)
    if prompt.text.startswith('"') and not STRINGS['"'].match(prompt.text):
        problem = f"the prompt for {start} begins with a quote that is never closed. Add a closing quote at its end."
        raise TextError(PROMPT_TITLE, source, prompt.span.at, problem)
