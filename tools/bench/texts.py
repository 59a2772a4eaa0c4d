"""Reading 100,000 characters of curves and prompts, in the texts that are worst for a reader; seconds of one core.

The server reads them while a workflow is queued, and answers nobody else meanwhile.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from kinema.sampling.curves.curve_text import read_blocks, read_keys
from kinema.sampling.curves.timeline import LONGEST, TextError
from kinema.sampling.prompts.prompt_text import read_prompts
from tools.bench.measure import Options, Result

Reader = Callable[[str], object]


def repeated(begin: str, middle: str, end: str = "") -> Callable[[int], str]:
    """Texts of a length: `begin`, as many of `middle` as fit, `end`."""
    return lambda length: begin + middle * ((length - len(begin) - len(end)) // len(middle)) + end


def counted(entry: str) -> Callable[[int], str]:
    """Texts of a length: `entry` for rising frames."""
    longest = len(entry.format(LONGEST, LONGEST))
    return lambda length: "".join(entry.format(frame, frame + 1) for frame in range(length // longest))


HOSTILE: dict[str, tuple[Reader, Callable[[int], str]]] = {
    "curve, space after a frame": (read_keys, repeated("0", " ", "x")),
    "curve, space after a value": (read_keys, repeated("0: 1", " ", "x")),
    "curve, digits": (read_keys, repeated("0: ", "1", "x")),
    "curve, digits of a frame": (read_keys, repeated("", "1", "x")),
    "curve, colons": (read_keys, repeated("0", ":", "1")),
    "curve, colons and spaces": (read_keys, repeated("0", " : ", "1")),
    "curve, quotes": (read_keys, repeated("", '"', "0: 1")),
    "curve, empty entries": (read_keys, repeated("0: 1", ",")),
    "curve, braces": (read_keys, repeated("{", "}")),
    "curve, values": (read_keys, counted("{0}:1,")),
    "curve, held values": (read_keys, counted('"{0}:" = 1 hold\n')),
    "curve, ranges": (read_keys, counted("{0}:{1}=1,")),
    "blocks, space": (read_blocks, repeated("up", " ", "x")),
    "blocks, digits": (read_blocks, repeated("up ", "1", ": 1")),
    "blocks, rules": (read_blocks, repeated("", "up:1,")),
    "prompts, space after a frame": (read_prompts, repeated("0", " ", "x")),
    "prompts, space in a quoted frame": (read_prompts, repeated('"0', " ", "x")),
    "prompts, space after a quoted frame": (read_prompts, repeated('{"0"', " ", "x")),
    "prompts, colons": (read_prompts, repeated("0", ":", '"a"')),
    "prompts, lines": (read_prompts, repeated("", "1:a\n")),
    "prompts, blank lines": (read_prompts, repeated("0:a", "\n")),
    "prompts, continued lines": (read_prompts, repeated("0:", "a\n")),
    "prompts, frames in a string": (read_prompts, repeated('0: "', "1\n", '"')),
    "prompts, commas": (read_prompts, repeated("0:a", ",")),
    "prompts, commas and spaces": (read_prompts, repeated("0:a", ", ")),
    "prompts, commas and numbers": (read_prompts, repeated("0:a", ", 1")),
    "prompts, a comma and space": (read_prompts, repeated("0:a,1", " ", "x")),
    "prompts, strings": (read_prompts, repeated("", "1='a',")),
    "prompts, JSON": (read_prompts, repeated("{", '"1":"a",', "}")),
    "prompts, escapes": (read_prompts, repeated('"0": "', r"\u0061", '"')),
    "prompts, escaped quotes": (read_prompts, repeated('"0": "', r"\"")),
    "prompts, escaped quotes in a line": (read_prompts, repeated('0: "', r"\"")),
    "prompts, single quotes": (read_prompts, repeated("0: 'a ", "\\'")),
    "prompts, commas between strings": (read_prompts, repeated('"0": "a"', ",")),
    "prompts, braces": (read_prompts, repeated("{", "{")),
    "prompts, closing braces": (read_prompts, repeated('{"0": "a"', "}")),
    "prompts, backquotes": (read_prompts, repeated('"0": "', "`\n", '"')),
}
"""By name, what reads it and a text of a given length or a little less."""


def run(options: Options) -> Iterator[Result]:
    seconds = {name: _seconds(read, text(LONGEST), options.rounds) for name, (read, text) in HOSTILE.items()}
    for kind in ("curve", "blocks", "prompts"):
        name = max((name for name in seconds if name.startswith(kind)), key=seconds.__getitem__)
        yield Result(f"the slowest {name}", seconds[name], "s", target=0.5)
    too_long = "0: a\n" * LONGEST
    yield Result("prompts five times as long, refused", _seconds(read_prompts, too_long, options.rounds), "s")


def _seconds(read: Reader, text: str, rounds: int) -> float:
    """The median time of the processor: a busy machine changes it little."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        with suppress(TextError):
            read(text)
        taken.append(time.process_time() - start)
    return statistics.median(taken)
