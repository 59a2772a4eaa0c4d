"""Reading prompts over time: `0: a calm sea` lines, and the quoted forms of older tools."""

import re

from ..curves.timeline import QUOTES, Scanner
from .prompt import PROMPT_TITLE, Prompt, quoted_span
from .prompt_lines import read_lines
from .prompt_strings import read_strings

EXPRESSION = re.compile(r"`[^`\n]*`")


def read_prompts(source: str) -> list[Prompt]:
    """The prompts of `source` in the order in which they are written. Raises TextError."""
    text = Scanner(PROMPT_TITLE, source)
    if not source.strip(" \t\r\n{},"):
        raise text.error("there is no prompt. Write lines such as 0: a calm sea and 24: a storm.", 0)
    prompts = read_strings(text) if _is_quoted(Scanner(PROMPT_TITLE, source)) else read_lines(source)
    for prompt in prompts:
        if expression := EXPRESSION.search(prompt.text):
            problem = f"{expression[0]} is an expression, which Prompt Travel does not compute. Write its value."
            raise text.error(problem, prompt.span.at)
    return prompts


def _is_quoted(text: Scanner) -> bool:
    """Whether the first prompt, all of it, is in quotes. Where another frame follows it, only a comma is missing."""
    if text.next in ("{", *QUOTES):
        return True
    if quoted_span(text) is None or not text.string():
        return False
    if not text.next or text.next in ",}\r\n":
        return True
    return quoted_span(text) is not None and text.next in QUOTES and bool(text.next)
