"""Prompts over time in quotes, as older tools write them.

{"0": "a calm sea",          0 = "a calm sea",
 "24": "a storm"}            0.5: = "held until the next",
                             24:32 = "a storm"
"""

import re

from ..curves.timeline import QUOTES, Scanner, shown
from .prompt import Prompt, line_span, quoted_span

BETWEEN_PROMPTS = re.compile(r"([\s,]*)")
CLOSING_BRACES = re.compile(r"([\s}]*)")
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": " ", "b": "", "f": ""}


def read_strings(text: Scanner) -> list[Prompt]:
    """The prompts of `text`, separated by commas or line breaks, in braces or not. Raises TextError."""
    prompts: list[Prompt] = []
    begin = text.at
    end = "}" if text.sign("{") else ""
    while text.next != end:
        if not text.next:
            raise text.error("this brace is never closed. Add } at the end.", begin)
        prompts.append(_read_prompt(text))
        if text.next not in ("", ",", "\r", "\n", end):
            raise text.error(f"expected a comma after the prompt, but found {shown(text.rest)}.")
        text.take(BETWEEN_PROMPTS)
    text.take(CLOSING_BRACES)
    if text.next:
        raise text.error(f"nothing may follow the closing brace, but found {shown(text.rest)}.")
    return prompts


def _read_prompt(text: Scanner) -> Prompt:
    begin = text.at
    span = quoted_span(text)
    if span is None:
        found = shown(text.source[begin:])
        problem = f'expected a frame number and a colon, but found {found}. Write, for example, "24": "a storm".'
        raise text.error(problem, begin)
    at = text.at
    if not text.next or text.next not in QUOTES:
        found = shown(text.rest)
        raise text.error(f"expected a prompt in quotes, but found {found}. Put all prompts in quotes, or none.")
    string = text.string()
    if not string:
        raise text.error("this quote is never closed. Add a closing quote at the end of the prompt.")
    if '"' not in span.join:
        _refuse_swallowed(text, at, string)
    return Prompt(span, _unescaped(string[1:-1]).strip())  # empty where nothing is between the quotes


def _refuse_swallowed(text: Scanner, at: int, string: str) -> None:
    """Raises TextError where the `string` at the index `at` contains the line of another frame: its quote is missing."""
    for line in string.splitlines()[1:]:
        other = line_span(Scanner(text.title, line))
        if other is not None:
            problem = f"this prompt has no closing quote before frame {other.start}. Add one at the end of the prompt."
            raise text.error(problem, at)


def _unescaped(text: str) -> str:
    """`text` without JSON's escapes; escaped parentheses stay, because the text encoder reads them."""
    plain = ESCAPE.sub(_unescape, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # JSON writes an emoji as two halves


def _unescape(escape: re.Match[str]) -> str:
    code, char = escape.groups()
    if code:
        return chr(int(code, 16))
    return escape[0] if char in "()" else ESCAPES.get(char, char)
