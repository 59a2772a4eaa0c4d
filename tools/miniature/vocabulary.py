"""Writes the miniature's tokenizer: CLIP's byte-pair format with all bytes and the world's words."""

from __future__ import annotations

import json
from pathlib import Path

from kinema.motion.atomic import replacing

from .world import BACKGROUNDS, COLOURS, DIRECTIONS

WORDS = ("a", "the", "in", "fish", "swimming", "facing", "neon", "night", *COLOURS, *DIRECTIONS)
END = "</w>"


def write_tokenizer(folder: Path) -> None:
    """vocab.json and merges.txt: 256 bytes, 256 word-ending bytes, one id a merge, start, end."""
    known = {*WORDS, *(word for name in BACKGROUNDS for word in name.split())}
    words = sorted(known, key=lambda word: (-len(word), word))  # a long word's merges must win over a short one's
    merges = list(dict.fromkeys(pair for word in words for pair in _merges(word)))
    symbols = _byte_symbols()
    tokens = [*symbols, *(s + END for s in symbols), *("".join(pair) for pair in merges)]
    tokens = [*tokens, "<|startoftext|>", "<|endoftext|>"]
    if len(set(tokens)) != len(tokens):
        raise ValueError(
            "Two merges make the same token: change the order in which _merges joins the letters of a word."
        )
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "vocab.json", json.dumps({t: i for i, t in enumerate(tokens)}, ensure_ascii=False, indent=0))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    _write(folder / "merges.txt", "\n".join(lines) + "\n")


def _merges(word: str) -> list[tuple[str, str]]:
    """Joins a word's letters from the left, then its end."""
    parts = [*word[:-1], word[-1] + END]
    pairs, left = [], parts[0]
    for right in parts[1:]:
        pairs.append((left, right))
        left += right
    return pairs


def _byte_symbols() -> list[str]:
    """GPT-2's printable stand-ins for the 256 byte values, in the order of CLIP's vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(others))]


def _write(path: Path, text: str) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
