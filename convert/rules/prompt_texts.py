"""Texts of prompt schedules, made ready for Prompt Travel."""

import re

from .plan import RefusedError

STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', re.DOTALL)
KEY = re.compile(r"(^|[,{\n])(\s*[\"']?)((?:[\d.\s+*/()-]|max_f)*max_f(?:[\d.\s+*/()-]|max_f)*)(?=[\"']?\s*[:=])")
TERM = re.compile(r"\s*(max_f|\d+(?:\.\d*)?)\s*")
RANGE = re.compile(r"([\"'])\s*(\d+)\s*-\s*(\d+)\s*\1(\s*:)")
BACKTICKS = re.compile(r"`[^`\n]*`")


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
    expression = BACKTICKS.search(text)
    if expression:
        line = text.count("\n", 0, expression.start()) + 1
        raise RefusedError(
            f"{place}, line {line}: {expression[0]} is an expression, which Prompt Travel does not compute."
        )

    def number(match: re.Match[str]) -> str:
        if frames is None:
            raise RefusedError(f"{place}: {match[3].strip()} needs the number of frames, which is not known.")
        return f"{match[1]}{match[2]}{_value(match[3], frames, place)}"

    return RANGE.sub(r"\1\2:\3\1\4", KEY.sub(number, text))


def _value(written: str, frames: int, place: str) -> int:
    """The value of sums and products of numbers and `max_f`, products first."""
    parts = re.split(r"([+\-*/])", written.replace("(", "").replace(")", ""))
    if len(parts) % 2 == 0 or any(TERM.fullmatch(part) is None for part in parts[::2]) or len(parts) > 50:
        raise RefusedError(f"{place}: {written.strip()} is no number of a frame that can be computed.")
    terms = [float(frames) if "max_f" in part else float(part) for part in parts[::2]]
    total, product, sign = 0.0, terms[0], 1.0
    for operation, term in zip(parts[1::2], terms[1:], strict=True):
        if operation == "*":
            product *= term
        elif operation == "/":
            if term == 0:
                raise RefusedError(f"{place}: {written.strip()} divides by 0.")
            product /= term
        else:
            total += sign * product
            sign, product = (1.0 if operation == "+" else -1.0), term
    return int(total + sign * product)
