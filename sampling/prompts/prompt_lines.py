"""Reading prompts over time: `0: a calm sea` lines, and the quoted forms of older tools.

0: a calm sea                {"0": "a calm sea",                0 = "a calm sea",
24: a storm                   "24": "a storm"}                  0.5: = "held until the next",
                                                                24:32 = "a storm"
"""

import re
from dataclasses import dataclass, replace

NUMBER = r"-?\d+(?:\.\d+)?\s*%?|-?\.\d+\s*%?"
LINE_KEY = re.compile(rf"[ \t]*({NUMBER})[ \t]*[:=][ \t]*")
QUOTED_KEY = re.compile(rf'\s*(["\']?)\s*({NUMBER})\s*(?::\s*({NUMBER}))?\s*(:?)\s*\1\s*(:?)\s*([:=])\s*')
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'', re.DOTALL)
NEXT_ON_THE_SAME_LINE = re.compile(rf",\s*({NUMBER})[ \t]*:[ \t]+\D")
EXPRESSION = re.compile(r"`[^`\n]*`")
ESCAPES = {"n": "\n", "t": "\t", "r": " ", "b": "", "f": ""}


class PromptError(ValueError):
    """What is wrong with the prompts, and where."""

    def __init__(self, source: str, at: int, problem: str) -> None:
        line = source.count("\n", 0, at) + 1
        column = at - (source.rfind("\n", 0, at) + 1) + 1
        super().__init__(f"Prompt Travel, line {line}, column {column}: {problem}")


@dataclass(frozen=True)
class Key:
    """A prompt and where in time it stands: `start` and `end` as they were written, a number of frames, a negative one
    counted from the end, or a share of the whole ("0.5", "50%"). `hold`: it stays until the next. `at`: its place in
    the source."""

    start: str
    text: str
    end: str | None = None
    hold: bool = False
    at: int = 0


def read_prompts(source: str) -> list[Key]:
    """The prompts of `source` in the order in which they stand there. Raises PromptError."""
    if not source.strip(" \t\r\n{},"):
        raise PromptError(source, 0, "there is no prompt. Write lines such as 0: a calm sea and 24: a storm.")
    keys = _read_quoted(source) if _is_quoted(source) else _read_lines(source)
    for key in keys:
        if expression := EXPRESSION.search(key.text):
            raise PromptError(
                source,
                key.at,
                f"{expression[0]} is an expression, which Prompt Travel does not compute. Write its value.",
            )
    return keys


def _is_quoted(source: str) -> bool:
    """Whether the first prompt, all of it, is in quotes."""
    start = len(source) - len(source.lstrip(" \t\r\n{"))
    key = QUOTED_KEY.match(source, start)
    if key is None:
        return source[start] in "\"'" or "{" in source[:start]
    if key[1] or "{" in source[:start]:
        return True
    value = STRING.match(source, key.end())
    return value is not None and re.match(r"[ \t]*(,|\}|\r|\n|$)", source[value.end() :]) is not None


def _read_lines(source: str) -> list[Key]:
    keys: list[Key] = []
    start = 0
    for line in source.splitlines(keepends=True):
        text_at = start
        if match := LINE_KEY.match(line):
            text_at += match.end()
            keys.append(Key(_plain(match[1]), "", at=start + match.start(1)))
        elif line.strip() and not keys:
            at = start + len(line) - len(line.lstrip())
            raise PromptError(
                source,
                at,
                f"expected a frame number and a colon, but found {_quote(line)}. Write for example 0: a calm sea.",
            )
        text = source[text_at : start + len(line)]
        if second := NEXT_ON_THE_SAME_LINE.search(text):
            raise PromptError(
                source, text_at + second.start(1), f"put the prompt for {second[1]} on a line of its own."
            )
        if keys:
            keys[-1] = replace(keys[-1], text=f"{keys[-1].text} {text.strip()}".strip())
        start += len(line)
    for key in keys:
        if not key.text:
            raise PromptError(source, key.at, f"the prompt for {key.start} is empty. Write its text after the colon.")
    return keys


def _read_quoted(source: str) -> list[Key]:
    at = re.compile(r"\s*\{?").match(source).end()  # type: ignore[union-attr]
    braces = "{" in source[:at]
    keys: list[Key] = []
    while True:
        at = _skip(source, at)
        if at == len(source) or (braces and source[at] == "}"):
            break
        key, at = _read_entry(source, at)
        keys.append(key)
        after = _skip(source, at, spaces=" \t")
        if after < len(source) and source[after] not in ",\r\n" and not (braces and source[after] == "}"):
            raise PromptError(source, after, f"expected a comma after the prompt, but found {_quote(source[after:])}.")
        at = _skip(source, at, spaces=" \t\r\n,")
    if braces and at == len(source):
        raise PromptError(source, source.index("{"), "this brace is never closed. Add } at the end.")
    if rest := source[at:].strip("} \t\r\n"):
        raise PromptError(
            source, source.index(rest, at), f"nothing may follow the closing brace, but found {_quote(rest)}."
        )
    return keys


def _read_entry(source: str, at: int) -> tuple[Key, int]:
    match = QUOTED_KEY.match(source, at)
    if match is None:
        raise PromptError(
            source,
            at,
            f'expected a frame number and a colon, but found {_quote(source[at:])}. Write for example "24": "a storm".',
        )
    value_at = match.end()
    if source[value_at : value_at + 1] not in ("'", '"'):
        found = _quote(source[value_at:])
        raise PromptError(
            source, value_at, f"expected a prompt in quotes, but found {found}. Put all prompts in quotes, or none."
        )
    value = STRING.match(source, value_at)
    if value is None:
        raise PromptError(source, value_at, "this quote is never closed. Add another one at the end of the prompt.")
    text = _unescape(value[1] if value[1] is not None else value[2]).strip()
    if not text:
        raise PromptError(
            source, value_at, f"the prompt for {match[2].strip()} is empty. Write its text between the quotes."
        )
    end = _plain(match[3]) if match[3] else None
    hold = bool(match[4] or match[5])
    return Key(_plain(match[2]), text, end, hold, match.start(2)), value.end()


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else ESCAPES.get(match[2], match[0] if match[2] in "()" else match[2])

    plain = re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", one, text, flags=re.DOTALL)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # JSON writes an emoji as two halves


def _skip(source: str, at: int, spaces: str = " \t\r\n") -> int:
    while at < len(source) and source[at] in spaces:
        at += 1
    return at


def _plain(number: str) -> str:
    return number.replace(" ", "")


def _quote(text: str) -> str:
    line = text.strip().split("\n", 1)[0].strip()
    return f'"{line[:24]}..."' if len(line) > 24 else f'"{line}"'
