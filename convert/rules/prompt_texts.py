"""Texts of prompt schedules, made ready for Prompt Travel."""

import ast
import operator
import re
from collections.abc import Callable, Mapping

from .plan import RefusedError

STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', re.DOTALL)
FRAME_COUNT = "max_f"
KEY = re.compile(r"((?:^|[,{\n])[ \t]*(?:[\"'][ \t]*)?)([\d.+*/()maxf_-][\d.+*/()maxf_ \t-]*)(?=(?:[\"']\s*)?[:=])")
RANGE = re.compile(r"([\"'])[ \t]*(\d+)[ \t]*-[ \t]*(\d+)[ \t]*([\"'])(?=\s*:)")
BACKTICKS = re.compile(r"`[^`\n]*`")
ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def with_commas(text: str) -> tuple[str, int]:
    """`text` with a comma behind each quoted prompt that lacks one, and how many were added."""
    parts: list[str] = []
    end = added = 0
    follows_prompt = False
    for match in STRING.finditer(text):
        between = text[end : match.start()]
        if follows_prompt and "," not in between and "}" not in between:
            parts.append(",")
            added += 1
        parts += [between, match[0]]
        end = match.end()
        follows_prompt = between.rstrip().endswith((":", "="))
    return "".join(parts) + text[end:], added


def fizz_text(text: str, frames: int | None, place: str) -> str:
    """`text` of a FizzNodes schedule with numbers in place of `max_f` and its arithmetic, and ranges with a colon.
    Raises RefusedError with the place of what cannot be read."""
    if not KEY.search(text):
        raise RefusedError(f"{place}: no line of the text begins with the number of a frame and a colon.")
    expression = BACKTICKS.search(text)
    if expression:
        line = text.count("\n", 0, expression.start()) + 1
        raise RefusedError(
            f"{place}, line {line}: {expression[0]} is an expression, which Prompt Travel does not compute."
        )

    def number(match: re.Match[str]) -> str:
        if FRAME_COUNT not in match[2]:
            return match[0]
        if frames is None:
            raise RefusedError(f"{place}: {match[2].strip()} needs the number of frames, which is not known.")
        return f"{match[1]}{_value(match[2], frames, place)}"

    def spanned(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}:{match[3]}{match[4]}" if match[1] == match[4] else match[0]

    return RANGE.sub(spanned, KEY.sub(number, text))


def _value(written: str, frames: int, place: str) -> int:
    """The value of `written`, in which `max_f` is the number of frames, without its fraction."""
    try:
        return int(_computed(ast.parse(written.strip(), mode="eval").body, frames))
    except (SyntaxError, ValueError, RecursionError):
        raise RefusedError(f"{place}: {written.strip()} is not a frame number that can be computed.") from None
    except ZeroDivisionError:
        raise RefusedError(f"{place}: {written.strip()} divides by 0.") from None


def _computed(term: ast.expr, frames: int) -> float:
    """Sums and products of numbers and `max_f`. Raises ValueError for anything else."""
    if isinstance(term, ast.Name) and term.id == FRAME_COUNT:
        return frames
    if isinstance(term, ast.Constant) and isinstance(term.value, int | float):
        return term.value
    if isinstance(term, ast.UnaryOp) and isinstance(term.op, ast.USub):
        return -_computed(term.operand, frames)
    if isinstance(term, ast.BinOp) and type(term.op) in ARITHMETIC:
        return ARITHMETIC[type(term.op)](_computed(term.left, frames), _computed(term.right, frames))
    raise ValueError(term)
