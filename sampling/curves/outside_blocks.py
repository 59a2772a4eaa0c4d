"""What of a curve over blocks does not act: values for blocks that are not there."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from ..call.moment import Part
from .curve import Blocks, Constant, OverBlocks


def outside_blocks(value: Any, parts: Iterable[Part]) -> list[str]:
    """The blocks, as one writes them, for which `value` (a curve or a number) has values other than 1 that none of `parts`
    reads; each once."""
    there = list(parts)
    return list(dict.fromkeys(_words(blocks) for blocks in _named(value) if not any(map(blocks.hold, there))))


def _named(value: Any) -> Iterator[Blocks]:
    """The blocks that have a value of their own in `value`, or in a curve that it contains."""
    if isinstance(value, OverBlocks):
        yield from (blocks for blocks, curve in value.rules if curve != Constant(1.0))
    elif is_dataclass(value):
        for field in fields(value):
            yield from _named(getattr(value, field.name))


def _words(blocks: Blocks) -> str:
    numbers = [str(number) for number in (blocks.level, blocks.module) if number is not None]
    attention = "" if blocks.attention is None else f"attn{blocks.attention + 1}"
    return " ".join(filter(None, (blocks.side, ".".join(numbers), attention)))
